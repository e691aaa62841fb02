/* A module of PKCS#11 that passes every call on to SoftHSM, and makes the trouble that TROUBLE names:
 *
 *   hang           signing waits until the file `awake` exists
 *   gone=N         from the Nth signature on, the token is pulled out: no slot, and no session
 *   back=N         the Nth signature finds that all sessions ended, as after a restart of a network module
 *   locked         logging in says that the PIN is locked, and the flags say so afterwards
 *   last-try       the flags say that a wrong PIN locks the token
 *   other          each signature is spoilt
 *   may-not        the key says that it must not sign
 *
 * Compiled by the test: cc -shared -fPIC -DREAL='"…"' -o trouble.so trouble.c */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long word;

/* CK_FUNCTION_LIST of PKCS#11 2.40: a version, and 68 functions in a fixed order. */
struct list {
    unsigned char version[2];
    void *function[68];
};
enum { GET_SLOT_LIST = 4, GET_TOKEN_INFO = 6, OPEN_SESSION = 12, CLOSE_ALL = 14, LOGIN = 18, GET_ATTRIBUTES = 24, SIGN = 43 };

enum { DEVICE_REMOVED = 0x32, PIN_LOCKED = 0xA4, SESSION_HANDLE_INVALID = 0xB3, TOKEN_NOT_PRESENT = 0xE0 };

/* CK_TOKEN_INFO has its flags behind 96 bytes of text. */
enum { FLAGS_AT = 96, FINAL_TRY = 0x20000, LOCKED = 0x40000 };

/* CK_ATTRIBUTE. */
struct attribute {
    word type;
    unsigned char *value;
    word size;
};
enum { CKA_SIGN = 0x108 };

static struct list real, mine;
static int signatures, ended, tried;
static word slot_in_use;

/* The number after the name of a trouble; -1 if it is not the one that was asked for. */
static int trouble(const char *name) {
    const char *asked = getenv("TROUBLE");
    size_t length = strlen(name);
    if (!asked || strncmp(asked, name, length)) return -1;
    return asked[length] == '=' ? atoi(asked + length + 1) : 0;
}

static int is_gone(void) {
    int from = trouble("gone");
    return from >= 0 && signatures >= from;
}

static word get_slot_list(unsigned char present, word *slots, word *count) {
    if (is_gone()) {
        *count = 0;
        return 0;
    }
    return ((word(*)(unsigned char, word *, word *))real.function[GET_SLOT_LIST])(present, slots, count);
}

static word get_token_info(word slot, unsigned char *info) {
    if (is_gone()) return TOKEN_NOT_PRESENT;
    word result = ((word(*)(word, unsigned char *))real.function[GET_TOKEN_INFO])(slot, info);
    word flags;
    memcpy(&flags, info + FLAGS_AT, sizeof flags);
    if (trouble("last-try") >= 0) flags |= FINAL_TRY;
    if (trouble("locked") >= 0 && tried) flags |= LOCKED;
    memcpy(info + FLAGS_AT, &flags, sizeof flags);
    return result;
}

static word open_session(word slot, word flags, void *data, void *notify, word *session) {
    ended = 0;
    slot_in_use = slot;
    return ((word(*)(word, word, void *, void *, word *))real.function[OPEN_SESSION])(slot, flags, data, notify, session);
}

static word login(word session, word user, unsigned char *pin, word length) {
    tried = 1;
    if (trouble("locked") >= 0) return PIN_LOCKED;
    return ((word(*)(word, word, unsigned char *, word))real.function[LOGIN])(session, user, pin, length);
}

static word get_attributes(word session, word object, struct attribute *attributes, word count) {
    word result = ((word(*)(word, word, struct attribute *, word))real.function[GET_ATTRIBUTES])(
        session, object, attributes, count);
    for (word at = 0; at < count; at++) {
        struct attribute *one = &attributes[at];
        if (trouble("may-not") >= 0 && one->type == CKA_SIGN && one->value && one->size == 1) *one->value = 0;
    }
    return result;
}

static word sign(word session, unsigned char *data, word length, unsigned char *signature, word *size) {
    /* A call without a place for the signature asks for its size. */
    if (signature) {
        while (trouble("hang") >= 0 && access("awake", F_OK)) usleep(1000);
        signatures++;
        if (is_gone()) return DEVICE_REMOVED;
        if (signatures == trouble("back")) {
            ((word(*)(word))real.function[CLOSE_ALL])(slot_in_use);
            ended = 1;
        }
        if (ended) return SESSION_HANDLE_INVALID;
    }
    word result = ((word(*)(word, unsigned char *, word, unsigned char *, word *))real.function[SIGN])(
        session, data, length, signature, size);
    if (signature && trouble("other") >= 0) signature[0] ^= 1;
    return result;
}

word C_GetFunctionList(struct list **list) {
    void *library = dlopen(REAL, RTLD_NOW);
    struct list *found;
    if (!library) return 5;
    ((word(*)(struct list **))dlsym(library, "C_GetFunctionList"))(&found);
    real = mine = *found;
    mine.function[GET_SLOT_LIST] = get_slot_list;
    mine.function[GET_TOKEN_INFO] = get_token_info;
    mine.function[OPEN_SESSION] = open_session;
    mine.function[LOGIN] = login;
    mine.function[GET_ATTRIBUTES] = get_attributes;
    mine.function[SIGN] = sign;
    *list = &mine;
    return 0;
}
