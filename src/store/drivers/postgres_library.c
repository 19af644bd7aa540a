/*
 * Loading libpq.
 */
#define MX_LIBPQ_ITSELF
#include "store/drivers/postgres_library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

mx_libpq_functions mx_libpq;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char failure[400]; /* "": it is loaded */

static void load(void)
{
    static const struct {
        const char *name;
        size_t offset;
    } table[] = {
#define MX_LIBPQ_ROW(name) {#name, offsetof(mx_libpq_functions, name##_)},
        MX_LIBPQ_TABLE(MX_LIBPQ_ROW)
#undef MX_LIBPQ_ROW
    };
    void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL); /* never closed */
    if (library == NULL) {
        const char *why = dlerror();
        (void)snprintf(failure, sizeof failure, "%s", why != NULL ? why : "no reason is given");
        return;
    }
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        void *function = dlsym(library, table[i].name);
        if (function == NULL) {
            (void)snprintf(failure, sizeof failure, "it has no %s (version 14 or newer is needed)", table[i].name);
            return;
        }
        memcpy((char *)&mx_libpq + table[i].offset, &function, sizeof function);
    }
}

merx_status mx_libpq_load(merx_error *err)
{
    (void)pthread_once(&once, load);
    if (failure[0] != '\0')
        MX_FAIL(err, MERX_E_UNSUPPORTED, "postgres",
                "PostgreSQL's client library can't be loaded: %s (on Debian: apt-get install libpq5)", failure);
    return MERX_OK;
}
