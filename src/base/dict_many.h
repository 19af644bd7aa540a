/*
 * Many look-ups in a dictionary at once. Floor 0.
 */
#ifndef MX_DICT_MANY_H
#define MX_DICT_MANY_H

#include "base/str.h"

/* codes (n): of each text what mx_dict_find gives. Together they wait for memory once, where one after the other each would wait three times. */
void mx_dict_find_all(const mx_dict *dict, const mx_str *texts, size_t n, int32_t *codes);

#endif
