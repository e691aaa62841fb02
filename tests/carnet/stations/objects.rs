//! What an export pipeline leaves in an object store.

use std::fs;

use super::operator::Station;

#[test]
fn objects_have_the_category_and_the_encryption_of_the_pipeline() {
    let keys = "category = \"acr-transfer-blob\"\nsse = \"aws:kms=key1\"\n";
    let station = Station::new("127.0.0.1:1", keys, "");
    station.carnet("export out").ok();
    let log = station.bucket.log();
    let chunks: Vec<_> =
        log.iter().filter(|exchange| exchange.method == "PUT" && exchange.target.contains(".tar")).collect();
    assert!(!chunks.is_empty());
    for request in chunks {
        for (name, value) in [
            ("x-amz-meta-category", "acr-transfer-blob"),
            ("x-amz-server-side-encryption", "aws:kms"),
            ("x-amz-server-side-encryption-aws-kms-key-id", "key1"),
        ] {
            assert_eq!(request.headers.get(name), Some(value), "{name} of {}", request.target);
        }
    }
}

#[test]
fn a_key_that_a_store_does_not_take_is_refused() {
    let station = Station::new("127.0.0.1:1", "sse = \"AES256\"\n", "");
    let file = station.desk.path("station.toml");
    let with = fs::read_to_string(&file).unwrap();
    for (from, to, words) in [
        ("s3://bucket/in", "az://account/in", "sse: only S3 takes it, and `to` is az://account/in"),
        ("AES256", "AES512", "sse: \"AES512\": expected AES256, aws:kms, or aws:kms=KEY"),
        ("sse = \"AES256\"", "category = \"a b\"", "category: \"a b\": expected 1 to 100 printable ASCII"),
    ] {
        fs::write(&file, with.replacen(from, to, 1)).unwrap();
        station.carnet("check").ends(2).says(&["[export.out]: ", words]);
    }
}
