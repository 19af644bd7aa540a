/*
 * Where the records of a shop are: in its folder, or at the address that its folder keeps. Floor 5.
 */
#ifndef MX_SHOP_ADDRESS_H
#define MX_SHOP_ADDRESS_H

#include "base/memory.h"
#include "merx/shop.h"

#define MX_SHOP_DATABASE "shop.db"
#define MX_SHOP_ADDRESS "records.address"

/* *address, in the arena: options->records, what the folder keeps, or its database. Errors: MERX_E_CORRUPT (the file holds no address); with
 * options->keep_records: MERX_E_EXISTS (they are elsewhere), MERX_E_INVALID (it has a password). */
merx_status mx_shop_address(const char *folder, const merx_shop_options *options, mx_arena *arena, const char **address,
                            merx_error *err) MERX_MUST_CHECK;
/* Writes options->records into the folder, when options->keep_records asks for it and it is not there. */
merx_status mx_shop_address_keep(const char *folder, const merx_shop_options *options, merx_error *err) MERX_MUST_CHECK;

#endif
