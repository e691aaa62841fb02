//! Everything that signs does so with a key in a token, and the result is as with any other key.

use std::fs;

use super::super::support::{Run, assert_same_layout, skipped};
use super::{MODULE, STATION, Tokens};

#[test]
fn two_hundred_chunks_are_packed_with_a_generated_key_and_openssl_agrees() {
    let Some(tokens) = Tokens::new() else { return };
    let desk = &tokens.desk;
    let mut source = desk.source("large");
    let image = source.image(2, &[12_000_000]);
    source.tag(&image, "app:2");
    tokens.carnet(&format!("pack oci:large --chunk-size 64KiB --to mine --name m --key {STATION}")).ok();
    assert!(desk.files("mine").len() > 200);
    // The public key is that which another tool reads from the token.
    tokens.public(STATION, "station.pub.pem");
    tokens.tool("carnet", "--read-object --type pubkey --id 01 -o tool.pub").ok();
    desk.sh("openssl pkey -pubin -in tool.pub -out tool.pem && cmp tool.pem station.pub.pem").ok();
    desk.carnet("verify mine --pub station.pub.pem").ok().says(&["COMPLETE"]);
    desk.carnet("unpack mine --pub station.pub.pem --to oci:back").ok();
    assert_same_layout(&desk.path("large"), &desk.path("back"));
    desk.sh("mkdir x && tar xf mine/m_00150.tar -C x && openssl pkeyutl -verify -pubin -inkey station.pub.pem -rawin \
             -in x/00_statement.txt -sigfile x/01_*.sig")
        .ok()
        .says(&["Signature Verified Successfully"]);
}

#[test]
fn a_key_of_p384_packs_and_releases_and_openssl_agrees() {
    let Some(tokens) = Tokens::new() else { return };
    let desk = &tokens.desk;
    tokens.tool("carnet", "--keypairgen --key-type EC:secp384r1 --label curve --id 05 --usage-sign").ok();
    let key = "pkcs11:token=carnet;object=curve?pin-source=file:pin";
    tokens.public(key, "curve.pub.pem");
    let pack = format!("pack oci:src --chunk-size 64KiB --to mine --name m --key {key}");
    tokens.carnet(&pack).ok();
    desk.carnet("verify mine --pub curve.pub.pem").ok().says(&["COMPLETE"]);
    desk.sh(
        "for c in mine/*.tar; do rm -rf x && mkdir x && tar xf $c -C x && openssl dgst -sha384 -verify curve.pub.pem \
         -signature x/01_*.ecdsap384.sig x/00_statement.txt || exit 1; done",
    )
    .ok();
    // Its signatures differ each time. What was signed stays.
    let before = desk.files("mine");
    tokens.carnet(&pack).ok();
    tokens.carnet(&format!("sign mine --key {key}")).ok().says(&["already signed"]);
    assert!(desk.files("mine") == before);
    tokens.carnet(&format!("parity mine --parity 1 --key {key}")).ok();
    desk.sh("rm mine/m_00002.tar").ok();
    desk.carnet("repair mine --pub curve.pub.pem").ok();
    assert!(desk.files("mine")["m_00002.tar"] == before["m_00002.tar"]);
    tokens.carnet(&format!("sign out --key {key}")).ok().says(&["now with 2 signatures"]);
    // A token of several keys: those of Ed25519 come first, then those of P-384.
    let public = |uri: &str| tokens.carnet(&format!("pubkey --key {uri}?pin-source=file:pin")).ok().stdout;
    assert_eq!(public("pkcs11:token=carnet"), public("pkcs11:token=carnet;object=station"));
    tokens.tool("carnet", "--delete-object --type privkey --id 01").ok();
    tokens.tool("carnet", "--keypairgen --key-type rsa:2048 --label rsa --id 06 --usage-sign").ok();
    assert_eq!(public("pkcs11:token=carnet"), public("pkcs11:token=carnet;object=curve"));
}

#[test]
fn an_imported_key_makes_the_bytes_of_its_file() {
    let Some(tokens) = Tokens::new() else { return };
    let desk = &tokens.desk;
    desk.carnet("keygen alice").ok();
    tokens.sh("softhsm2-util --import alice.key.pem --token carnet --label alice --id 07 --pin 8642").ok();
    let key = "pkcs11:token=carnet;id=%07?pin-source=file:pin";
    tokens.public(key, "token.pub.pem");
    assert_eq!(fs::read(desk.path("token.pub.pem")).unwrap(), fs::read(desk.path("alice.pub.pem")).unwrap());
    desk.sh("cp -r out other").ok();
    tokens.carnet(&format!("sign out --key {key}")).ok().says(&["now with 2 signatures"]);
    desk.carnet("sign other --key alice.key.pem").ok();
    assert!(desk.files("out") == desk.files("other"));
    tokens.carnet(&format!("sign out --key {key}")).ok().says(&["already signed"]);
}

#[test]
fn every_command_that_signs_takes_a_token() {
    let Some(tokens) = Tokens::new() else { return };
    let desk = &tokens.desk;
    tokens.public(STATION, "station.pub.pem");
    let key = format!("--key {STATION}");
    tokens.carnet(&format!("pack oci:src --chunk-size 64KiB --to mine --name m {key}")).ok();
    tokens.carnet(&format!("parity mine --parity 50% {key}")).ok();
    desk.carnet("verify mine --pub station.pub.pem").ok().says(&["COMPLETE"]);
    let into = "--pub station.pub.pem --to again --name again --chunk-size 128KiB";
    tokens.carnet(&format!("resplit mine {into} {key}")).ok();
    desk.carnet("verify again --pub station.pub.pem").ok().says(&["COMPLETE"]);
    tokens.carnet(&format!("audit oci:src -o json=report.json {key}")).ok();
    desk.sh("openssl pkeyutl -verify -pubin -inkey station.pub.pem -rawin -in report.json -sigfile report.json.sig").ok();
    // A second key of another algorithm beside it, and a token as the second key.
    desk.carnet("keygen pq --algorithm mldsa87").ok();
    let hybrid = "pack oci:src --chunk-size 128KiB --name h";
    tokens.carnet(&format!("{hybrid} --to h {key} --second-key pq.key.pem")).ok();
    tokens.carnet(&format!("{hybrid} --to i --key pq.key.pem --second-key {STATION}")).ok();
    desk.carnet("verify h --pub station.pub.pem").ok();
    desk.carnet("verify i --pub pq.pub.pem").ok();
}

#[test]
fn a_root_in_a_token_signs_trust_updates() {
    let Some(tokens) = Tokens::new() else { return };
    let desk = &tokens.desk;
    tokens.public(STATION, "root.pub.pem");
    let text = |serial: u32| {
        format!(
            "version = 1\nrelease-threshold = 1\nserial = {serial}\nroot-threshold = 1\n[[keys]]\nholder = \"k\"\n\
             public-key-file = \"root.pub.pem\"\nroles = [\"packer\", \"releaser\", \"root\"]\n"
        )
    };
    fs::write(desk.path("trust.toml"), text(1)).unwrap();
    let key = fs::read_to_string(desk.path("root.pub.pem")).unwrap();
    let line: String = key.lines().filter(|line| !line.starts_with("---")).collect();
    let new = text(2).replace("public-key-file = \"root.pub.pem\"", &format!("public-key = \"{line}\""));
    fs::write(desk.path("new.toml"), new).unwrap();
    desk.carnet("trust update trust.toml new.toml --to update.txt").ok();
    tokens.carnet(&format!("trust sign update.txt --trust trust.toml --key {STATION} --yes")).ok();
    desk.carnet("trust apply update.txt --trust trust.toml").ok();
}

#[test]
fn a_station_signs_bundles_and_records_with_a_token() {
    let Some(tokens) = Tokens::new() else { return };
    let desk = &tokens.desk;
    tokens.public(STATION, "station.pub.pem");
    desk.sh("mkdir etc && mv pin etc").ok();
    // The file with the PIN is relative to the folder of the station file.
    let text = format!(
        "state = \"../state\"\nkey = \"{STATION}\"\n[export.out]\nartifacts = [\"oci:src\"]\nto = \"../sent\"\n\
         chunk-size = \"64KiB\"\n"
    );
    fs::write(desk.path("etc/station.toml"), text).unwrap();
    let station = "--station etc/station.toml";
    tokens.carnet(&format!("station check {station}")).ok().says(&["ok      out: key pkcs11:token=carnet"]);
    tokens.carnet(&format!("station export out {station}")).ok();
    desk.carnet("verify sent --pub station.pub.pem").ok().says(&["COMPLETE"]);
    desk.carnet("runs verify --pub station.pub.pem --state state").ok();
    // A wrong PIN is noticed by the check, and tried once for each key.
    fs::write(desk.path("etc/pin"), "1111\n").unwrap();
    tokens.carnet(&format!("station check {station}")).ends(1).says(&["error[token-pin-wrong]"]);
}

#[test]
fn a_module_is_named_in_the_key_in_a_variable_or_by_the_system() {
    let Some(tokens) = Tokens::new() else { return };
    let desk = &tokens.desk;
    let pubkey = |query: &str, module: Option<&str>| {
        let mut command = desk.command(&format!("pubkey --key pkcs11:token=carnet?pin-source=pin{query}"));
        tokens.with(&mut command).env_remove("CARNET_PKCS11_MODULE");
        Run::of(
            module.iter().fold(&mut command, |command, module| command.env("CARNET_PKCS11_MODULE", module)),
        )
    };
    for (query, module) in [
        (format!("&module-path={MODULE}"), None),
        (format!("&module-path={MODULE}"), Some("/nowhere.so")),
        ("&module-name=softhsm2".to_owned(), None),
        ("&module-path=/usr/lib/softhsm&module-name=softhsm2".to_owned(), None),
        (String::new(), Some(MODULE)),
    ] {
        pubkey(&query, module).ok().says(&["BEGIN PUBLIC KEY"]);
    }
    // p11-kit has the modules that the system is set up for.
    let kit = ["/usr/share/p11-kit/modules/softhsm2.module", "/usr/lib/x86_64-linux-gnu/libp11-kit.so.0"];
    if kit.iter().all(|file| fs::exists(file).unwrap()) {
        pubkey("", None).ok().says(&["BEGIN PUBLIC KEY"]);
    } else {
        skipped("p11-kit is not set up for SoftHSM");
    }
    for (query, words) in [
        ("&module-path=/nowhere/module.so", "/nowhere/module.so"),
        ("&module-path=/etc/hostname", "/etc/hostname"),
        ("&module-path=libc.so.6", "libc.so.6"),
        ("&module-name=nowhere", "libnowhere.so"),
    ] {
        pubkey(query, None).ends(1).says(&["error[pkcs11-module]", words]);
    }
    pubkey("", Some("/nowhere.so")).ends(1).says(&["error[pkcs11-module]", "/nowhere.so"]);
}

#[test]
fn the_version_says_that_modules_can_be_loaded() {
    let desk = super::Desk::new();
    desk.carnet("version -v").ok().says(&["pkcs11 built in"]);
    let version = desk.carnet("version --json").ok().json();
    assert!(version["features"].as_array().unwrap().contains(&"pkcs11".into()));
}
