/*
 * Events out of JSON without a tree: one pass over flat objects whose strings have no escapes. What it does not know it leaves to the slow way, so it can't
 * be wrong about an error; tests and the fuzzer compare what it takes with what the slow way makes of the same text.
 */
#include "server/event_json.h"

#include <string.h>

#include "base/clock.h"

enum {
    OBJECT_BYTES = 32768,
    DIGITS_MAX = 15
}; /* a double gives back 15 digits, so their text says the same as the number */

typedef struct cursor {
    const char *at, *end;
} cursor;

static void skip_space(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t' || *c->at == '\r'))
        c->at++;
}

static bool take(cursor *c, char wanted)
{
    skip_space(c);
    if (c->at == c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

/* A string without escapes; the quote is there already. */
static bool take_string(cursor *c, mx_str *out)
{
    const char *start = ++c->at;
    unsigned char all = 0;

    for (; c->at < c->end; c->at++) {
        unsigned char byte = (unsigned char)*c->at;
        if (byte == '"')
            break;
        if (byte == '\\' || byte < 0x20)
            return false;
        all |= byte;
    }
    if (c->at == c->end)
        return false;
    *out = (mx_str){start, (size_t)(c->at++ - start)};
    return all < 0x80 || mx_utf8_valid(*out, NULL);
}

/* A number without exponent, of at most DIGITS_MAX digits. */
static bool take_number(cursor *c, mx_str *out, bool *whole)
{
    const char *start = c->at;
    size_t digits = 0;

    if (c->at < c->end && *c->at == '-')
        c->at++;
    const char *first = c->at;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
        c->at++;
    digits = (size_t)(c->at - first);
    *whole = true;
    /* "-0" is another text than 0. */
    if (digits == 0 || (*first == '0' && (digits > 1 || first > start)))
        return false;
    if (c->at < c->end && *c->at == '.') {
        const char *fraction = ++c->at;
        while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
            c->at++;
        if (c->at == fraction)
            return false;
        digits += (size_t)(c->at - fraction);
        *whole = false;
    }
    *out = (mx_str){start, (size_t)(c->at - start)};
    return digits <= DIGITS_MAX && c->at < c->end && *c->at != 'e' && *c->at != 'E' && *c->at != '.';
}

typedef enum name { ID, KIND, PRODUCT, TIME, CUSTOMER, ORDER, SESSION, TITLE, COUNTRY, QUANTITY, PRICE, NAMES } name;
static const struct {
    const char *text;
    size_t size;
} names[NAMES] = {
    [ID] = {"id", 2},
    [KIND] = {"kind", 4},
    [PRODUCT] = {"product", 7},
    [TIME] = {"time", 4},
    [CUSTOMER] = {"customer", 8},
    [ORDER] = {"order", 5},
    [SESSION] = {"session", 7},
    [TITLE] = {"title", 5},
    [COUNTRY] = {"country", 7},
    [QUANTITY] = {"quantity", 8},
    [PRICE] = {"price", 5},
};

/* NAMES: none of them. guess: a name that likely comes next. */
static name find_name(mx_str text, unsigned guess)
{
    for (unsigned i = 0; i < NAMES; i++) {
        unsigned n = (guess + i) % NAMES;
        if (names[n].size == text.size && memcmp(names[n].text, text.data, text.size) == 0)
            return (name)n;
    }
    return NAMES;
}

static bool take_text(cursor *c, size_t max, mx_str *out)
{
    bool whole = true;

    if (c->at == c->end)
        return false;
    if (*c->at == '"')
        return take_string(c, out) && out->size <= max;
    return take_number(c, out, &whole) && whole; /* ids are often numbers in a shop's own database */
}

static bool take_kind(cursor *c, mx_event_kind *kind)
{
    mx_str word;

    if (c->at == c->end || *c->at != '"' || !take_string(c, &word))
        return false;
    for (int i = 0; i < MX_EVENT_KINDS; i++)
        if (mx_str_equal(word, mx_str_of(mx_event_kind_name((mx_event_kind)i)))) {
            *kind = (mx_event_kind)i;
            return true;
        }
    return false;
}

static bool take_time(cursor *c, const mx_shop_settings *settings, int64_t *ms)
{
    mx_str text;
    bool whole;

    if (c->at == c->end)
        return false;
    if (*c->at == '"')
        return take_string(c, &text) && mx_parse_date(text, MX_DATE_ISO, settings->zone_ms, ms);
    return take_number(c, &text, &whole) && mx_parse_date(text, MX_DATE_UNIX_S, settings->zone_ms, ms);
}

static bool take_price(cursor *c, const mx_shop_settings *settings, mx_event *e)
{
    mx_str text;
    bool whole;
    int decimals;

    if (c->at == c->end || !(*c->at == '"' ? take_string(c, &text) : take_number(c, &text, &whole)))
        return false;
    e->has_price = mx_parse_decimal(text, &e->price_minor, &decimals) &&
                   mx_rescale_decimal(e->price_minor, decimals, settings->decimals, &e->price_minor) &&
                   e->price_minor <= MX_MONEY_MAX && e->price_minor >= -MX_MONEY_MAX;
    return e->has_price;
}

static bool take_quantity(cursor *c, mx_event *e)
{
    mx_str text;
    bool whole;

    return take_number(c, &text, &whole) && whole && mx_parse_int64(text, &e->quantity) && e->quantity != 0 &&
           e->quantity <= MX_QUANTITY_MAX && e->quantity >= -MX_QUANTITY_MAX;
}

static bool take_value(cursor *c, name n, const mx_shop_settings *settings, mx_event *e)
{
    switch (n) {
    case ID:
        return take_text(c, MX_ID_MAX, &e->id);
    case KIND:
        return take_kind(c, &e->kind);
    case PRODUCT:
        return take_text(c, MX_ID_MAX, &e->product);
    case TIME:
        return take_time(c, settings, &e->time_ms);
    case CUSTOMER:
        return take_text(c, MX_ID_MAX, &e->customer);
    case ORDER:
        return take_text(c, MX_ID_MAX, &e->order);
    case SESSION:
        return take_text(c, MX_ID_MAX, &e->session);
    case TITLE:
        return take_text(c, MX_NAME_MAX, &e->title);
    case COUNTRY:
        return take_text(c, MX_ID_MAX, &e->country);
    case QUANTITY:
        return take_quantity(c, e);
    case PRICE:
        return take_price(c, settings, e);
    case NAMES:
        break;
    }
    return false;
}

/* The fields up to the closing brace; *seen: a bit per name. */
static bool take_fields(cursor *c, const mx_shop_settings *settings, mx_event *e, unsigned *seen)
{
    unsigned guess = 0;
    mx_str key;

    do {
        skip_space(c);
        if (c->at == c->end || *c->at != '"' || !take_string(c, &key) || !take(c, ':'))
            return false;
        name n = find_name(key, guess);
        if (n == NAMES || (*seen >> n & 1) != 0)
            return false;
        *seen |= 1u << n;
        guess = (unsigned)n + 1;
        skip_space(c);
        if (!take_value(c, n, settings, e))
            return false;
    } while (take(c, ','));
    return take(c, '}');
}

bool mx_event_json_read(const char **at, const char *end, const mx_shop_settings *settings, int64_t now_ms,
                        mx_event *out)
{
    const unsigned needed = 1u << ID | 1u << KIND | 1u << PRODUCT;
    cursor c = {*at, (size_t)(end - *at) > OBJECT_BYTES ? *at + OBJECT_BYTES : end};
    mx_event e = {.time_ms = now_ms, .quantity = 1};
    unsigned seen = 0;

    if (!take(&c, '{') || !take_fields(&c, settings, &e, &seen))
        return false;
    if ((seen & needed) != needed || e.id.size == 0 || e.product.size == 0)
        return false;
    if (e.kind == MX_EVENT_RETURN && e.quantity > 0)
        e.quantity = -e.quantity;
    if (e.kind != MX_EVENT_RETURN && e.quantity < 0)
        return false;
    *at = c.at;
    *out = e;
    return true;
}
