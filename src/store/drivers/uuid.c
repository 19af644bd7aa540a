/*
 * UUIDs to and from text, by tables: it is done for every event.
 */
#include "store/drivers/uuid.h"

/* The value of a digit plus one; 0: none. */
static const unsigned char digit_values[256] = {
    ['0'] = 1, ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};
/* Where each byte's two digits stand. */
static const unsigned char places[MX_UUID_SIZE] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};

bool mx_uuid_parse(mx_str text, unsigned char uuid[MX_UUID_SIZE])
{
    const unsigned char *t = (const unsigned char *)text.data;

    if (text.size != MX_UUID_TEXT || t[8] != '-' || t[13] != '-' || t[18] != '-' || t[23] != '-')
        return false;
    for (int i = 0; i < MX_UUID_SIZE; i++) {
        unsigned high = digit_values[t[places[i]]], low = digit_values[t[places[i] + 1]];
        if (high == 0 || low == 0)
            return false;
        uuid[i] = (unsigned char)((high - 1) << 4 | (low - 1));
    }
    return true;
}

void mx_uuid_format(const unsigned char uuid[MX_UUID_SIZE], char text[MX_UUID_TEXT])
{
    static const char digits[] = "0123456789abcdef";

    text[8] = text[13] = text[18] = text[23] = '-';
    for (int i = 0; i < MX_UUID_SIZE; i++) {
        text[places[i]] = digits[uuid[i] >> 4];
        text[places[i] + 1] = digits[uuid[i] & 15];
    }
}
