/*
 * The drivers of records that can be tested here, and addresses of stores of theirs. A driver whose server is not installed is left out,
 * after a line that says so.
 */
#ifndef TESTS_RECORDS_DRIVERS_H
#define TESTS_RECORDS_DRIVERS_H

#include "store/records.h"
#include "support/postgres_server.h"

/* Whether stores of the driver can be made: starts the server that it needs. */
CHECK_UNUSED static bool records_driver_usable(const mx_records_driver *driver)
{
    return strcmp(driver->name, "postgres") != 0 || postgres_start() != NULL;
}

/* A store of the test whose folder this is; the same words give the same store. */
CHECK_UNUSED static void records_address(const mx_records_driver *driver, const char *folder, const char *name,
                                         char *address, size_t size)
{
    char schema[64];

    if (strcmp(driver->name, "postgres") == 0) {
        snprintf(schema, sizeof schema, "t%016llx_%s", (unsigned long long)mx_hash64(folder, strlen(folder), 0), name);
        postgres_address(schema, address, size);
    } else {
        snprintf(address, size, "%s:%s/%s.db", driver->name, folder, name);
    }
}

#endif
