/*
 * The stores of this build, for merx_build_info.
 */
#include "store/blobs.h"
#include "store/records.h"

void mx_store_build_info(mx_text *text)
{
    for (size_t i = 0; mx_records_driver_at(i); i++)
        mx_text_printf(text, "records       %s: %s\n", mx_records_driver_at(i)->name, mx_records_driver_at(i)->text);
    for (size_t i = 0; mx_blobs_driver_at(i); i++)
        mx_text_printf(text, "blobs         %s: %s\n", mx_blobs_driver_at(i)->name, mx_blobs_driver_at(i)->text);
}
