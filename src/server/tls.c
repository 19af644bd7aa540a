/*
 * PEM files by GnuTLS, which libmicrohttpd uses too: what it would refuse at a client's first word is refused here, with the reason.
 */
#include "server/tls.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "io/file.h"

enum { PEM_BYTES = 1 << 20, CHAIN_MAX = 32 };

struct mx_tls_pair {
    gnutls_certificate_credentials_t credentials;
    size_t holders; /* connections, and mx_tls while it is the current one */
    unsigned char sum[crypto_hash_sha256_BYTES];
};

typedef struct pem_texts {
    const char *certificate, *key;
} pem_texts;

static merx_status read_pem(const char *path, const char *setting, mx_arena *arena, const char **out, merx_error *err)
{
    mx_map map;
    MX_TRY(mx_map_open(path, &map, err));
    merx_status status = MERX_OK;
    if (map.size > PEM_BYTES)
        status = mx_error_set(err, MERX_E_LIMIT, path, "has %zu bytes; a PEM file for %s has at most %d", map.size,
                              setting, PEM_BYTES);
    char *copy = status == MERX_OK ? mx_arena_strndup(arena, (const char *)map.data, map.size, err) : NULL;
    if (status == MERX_OK && !copy)
        status = MERX_E_MEMORY;
    mx_map_close(&map);
    *out = copy;
    return status;
}

static gnutls_datum_t datum(const char *text)
{
    unsigned char *data; /* GnuTLS only reads it, whatever its type says */
    memcpy(&data, &text, sizeof data);
    return (gnutls_datum_t){.data = data, .size = (unsigned)strlen(text)};
}

/* A time of a certificate, in words and compared. */
static void warn_dates(const char *path, gnutls_x509_crt_t certificate, int64_t now_ms)
{
    const int64_t from_ms = (int64_t)gnutls_x509_crt_get_activation_time(certificate) * 1000;
    const int64_t until_ms = (int64_t)gnutls_x509_crt_get_expiration_time(certificate) * 1000;
    char date[40];
    mx_format_date(now_ms < from_ms ? from_ms : until_ms, true, date);
    if (now_ms < from_ms)
        fprintf(stderr, "merx serve: %s: the certificate is not valid before %s; clients will refuse it\n", path, date);
    else if (now_ms > until_ms)
        fprintf(stderr, "merx serve: %s: the certificate was valid until %s; clients will refuse it\n", path, date);
}

static merx_status check_certificate(const char *path, const char *pem, int64_t now_ms, merx_error *err)
{
    gnutls_x509_crt_t chain[CHAIN_MAX];
    gnutls_datum_t data = datum(pem);
    unsigned n = CHAIN_MAX;
    int got =
        gnutls_x509_crt_list_import(chain, &n, &data, GNUTLS_X509_FMT_PEM,
                                    GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED | GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED);
    if (got == GNUTLS_E_CERTIFICATE_LIST_UNSORTED)
        MX_FAIL(err, MERX_E_INVALID, path,
                "its certificates are not in order (expected the server's own first, then that of who signed it, ...)");
    if (got == GNUTLS_E_SHORT_MEMORY_BUFFER)
        MX_FAIL(err, MERX_E_INVALID, path, "has more than %d certificates", CHAIN_MAX);
    if (got <= 0)
        MX_FAIL(err, MERX_E_INVALID, path,
                "holds no certificate that can be read (expected PEM, \"-----BEGIN CERTIFICATE-----\"): %s",
                gnutls_strerror(got));
    warn_dates(path, chain[0], now_ms);
    for (int i = 0; i < got; i++)
        gnutls_x509_crt_deinit(chain[i]);
    return MERX_OK;
}

static merx_status check_key(const char *path, const char *pem, merx_error *err)
{
    gnutls_x509_privkey_t key;
    gnutls_datum_t data = datum(pem);
    if (strstr(pem, "-----BEGIN ENCRYPTED PRIVATE KEY-----") || strstr(pem, "Proc-Type: 4,ENCRYPTED"))
        MX_FAIL(err, MERX_E_INVALID, path,
                "the key has a password, which nobody could type here (openssl pkey -in KEY -out PLAIN takes it off)");
    if (gnutls_x509_privkey_init(&key) < 0)
        MX_FAIL(err, MERX_E_MEMORY, path, "no memory for a key");
    int got = gnutls_x509_privkey_import2(key, &data, GNUTLS_X509_FMT_PEM, NULL, 0);
    gnutls_x509_privkey_deinit(key);
    if (got < 0)
        MX_FAIL(err, MERX_E_INVALID, path,
                "holds no key that can be read (expected PEM, \"-----BEGIN PRIVATE KEY-----\"): %s",
                gnutls_strerror(got));
    return MERX_OK;
}

static void free_pair(mx_tls_pair *pair)
{
    if (!pair)
        return;
    if (pair->credentials)
        gnutls_certificate_free_credentials(pair->credentials);
    MX_FREE_ARRAY(NULL, pair, 1);
}

/* Whether they belong together: then as a pair. */
static merx_status make_pair(const char *key_path, const pem_texts *pem, mx_tls_pair **out, merx_error *err)
{
    mx_tls_pair *pair;
    gnutls_datum_t certificate = datum(pem->certificate);
    gnutls_datum_t key = datum(pem->key);
    merx_status status = MERX_OK;
    MX_TRY(MX_NEW_ARRAY(NULL, 1, &pair, "a certificate", err));
    if (gnutls_certificate_allocate_credentials(&pair->credentials) < 0)
        MX_FAIL_GOTO(err, MERX_E_MEMORY, key_path, "no memory for a certificate");
    int got = gnutls_certificate_set_x509_key_mem(pair->credentials, &certificate, &key, GNUTLS_X509_FMT_PEM);
    if (got == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
        MX_FAIL_GOTO(err, MERX_E_INVALID, key_path, "is the key of another certificate");
    if (got < 0)
        MX_FAIL_GOTO(err, MERX_E_INVALID, key_path, "can't be used: %s", gnutls_strerror(got));
    pair->holders = 1;
    crypto_hash_sha256_state sum;
    crypto_hash_sha256_init(&sum);
    crypto_hash_sha256_update(&sum, certificate.data, certificate.size + 1);
    crypto_hash_sha256_update(&sum, key.data, key.size);
    crypto_hash_sha256_final(&sum, pair->sum);
out:
    if (status == MERX_OK)
        *out = pair;
    else
        free_pair(pair);
    return status;
}

static void warn_readable(const char *path)
{
    struct stat info;
    if (stat(path, &info) == 0 && (info.st_mode & (S_IROTH | S_IWOTH)) != 0)
        fprintf(stderr, "merx serve: %s: everybody on this machine can read the key; chmod o-rwx makes it yours\n",
                path);
}

static merx_status read_both(const char *certificate, const char *key, int64_t now_ms, mx_arena *arena, pem_texts *pem,
                             mx_tls_pair **out, merx_error *err)
{
    MX_TRY(read_pem(certificate, "tls_cert", arena, &pem->certificate, err));
    MX_TRY(read_pem(key, "tls_key", arena, &pem->key, err));
    MX_TRY(check_certificate(certificate, pem->certificate, now_ms, err));
    MX_TRY(check_key(key, pem->key, err));
    MX_TRY(make_pair(key, pem, out, err));
    warn_readable(key);
    return MERX_OK;
}

static void wipe(const char *text)
{
    char *bytes;
    if (!text)
        return;
    memcpy(&bytes, &text, sizeof bytes);
    sodium_memzero(bytes, strlen(bytes));
}

merx_status mx_tls_read(const char *certificate, const char *key, int64_t now_ms, mx_tls *out, merx_error *err)
{
    pem_texts pem = {NULL, NULL};
    *out = (mx_tls){.certificate = NULL};
    mx_arena_init(&out->arena, NULL);
    if (!*certificate && !*key)
        return MERX_OK;
    if (!*certificate || !*key)
        MX_FAIL(err, MERX_E_INVALID, *key ? "tls_cert" : "tls_key", "is missing: %s needs it beside itself",
                *key ? "tls_key" : "tls_cert");
    merx_status status = read_both(certificate, key, now_ms, &out->arena, &pem, &out->pair, err);
    if (status != MERX_OK) {
        wipe(pem.key);
        mx_arena_release(&out->arena);
        return status;
    }
    pthread_mutex_init(&out->lock, NULL);
    out->certificate = pem.certificate;
    out->key = pem.key;
    return MERX_OK;
}

merx_status mx_tls_renew(mx_tls *tls, const char *certificate, const char *key, int64_t now_ms, bool *renewed,
                         merx_error *err)
{
    pem_texts pem = {NULL, NULL};
    mx_tls_pair *pair = NULL;
    mx_arena arena;
    *renewed = false;
    mx_arena_init(&arena, NULL);
    merx_status status = read_both(certificate, key, now_ms, &arena, &pem, &pair, err);
    wipe(pem.key);
    mx_arena_release(&arena);
    if (status != MERX_OK)
        return status;
    pthread_mutex_lock(&tls->lock);
    *renewed = memcmp(pair->sum, tls->pair->sum, sizeof pair->sum) != 0;
    mx_tls_pair *old = *renewed ? tls->pair : pair;
    if (*renewed)
        tls->pair = pair;
    pthread_mutex_unlock(&tls->lock);
    mx_tls_let_go(tls, old);
    return MERX_OK;
}

void mx_tls_release(mx_tls *tls)
{
    if (tls->certificate) {
        mx_tls_let_go(tls, tls->pair);
        pthread_mutex_destroy(&tls->lock);
    }
    wipe(tls->key);
    mx_arena_release(&tls->arena);
    *tls = (mx_tls){.certificate = NULL};
}

mx_tls_pair *mx_tls_take(mx_tls *tls, gnutls_session_t session)
{
    if (!tls->certificate || !session)
        return NULL;
    pthread_mutex_lock(&tls->lock);
    mx_tls_pair *pair = tls->pair;
    pair->holders++;
    pthread_mutex_unlock(&tls->lock);
    if (gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, pair->credentials) < 0) {
        mx_tls_let_go(tls, pair);
        return NULL;
    }
    return pair;
}

void mx_tls_let_go(mx_tls *tls, mx_tls_pair *pair)
{
    if (!pair)
        return;
    pthread_mutex_lock(&tls->lock);
    bool last = --pair->holders == 0;
    pthread_mutex_unlock(&tls->lock);
    if (last)
        free_pair(pair);
}
