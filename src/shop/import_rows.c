/*
 * Rows turned into records, each value checked; what does not fit is refused with line, column and what was expected.
 *
 * A batch holds copies of the texts of its rows; it goes to the store when it is full. Every limit of the store is checked here first, so that one bad row
 * never costs the file.
 */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shop/import_parts.h"

enum { BATCH = 4096 };

/* ---- refusing ---- */

static merx_status refuse(mx_intake *in, uint64_t line, const char *column, mx_str value, merx_error *err,
                          const char *format, ...) MERX_PRINTF(6, 7);
static merx_status refuse(mx_intake *in, uint64_t line, const char *column, mx_str value, merx_error *err,
                          const char *format, ...)
{
    char message[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    in->refused_row = true;
    in->refusals++;
    MX_TRY(mx_refused_add(in->refused, in->source, line, column, value, message, err));
    if (in->max_refused && in->refusals > in->max_refused)
        MX_FAIL(err, MERX_E_LIMIT, in->source,
                "more than %" PRIu64 " rows are refused; the last: line %" PRIu64 "%s%s: %s", in->max_refused, line,
                *column ? ", column " : "", column, message);
    return MERX_OK;
}

static const char *column_name(const mx_intake *in, mx_meaning meaning)
{
    return mx_rows_column(in->rows, (size_t)in->layout.column[meaning]);
}

static mx_str field(const mx_intake *in, const mx_row *row, mx_meaning meaning)
{
    int column = in->layout.column[meaning];
    if (column < 0 || (size_t)column >= row->count || !row->fields[column].data)
        return (mx_str){"", 0};
    return mx_str_trim(row->fields[column]);
}

#define REFUSE(meaning, value, ...) refuse(in, row->line, column_name(in, meaning), value, err, __VA_ARGS__)

/* ---- values ---- */

/* A text within a limit, copied into the batch. */
static merx_status take_text(mx_intake *in, const mx_row *row, mx_meaning meaning, size_t limit, mx_str *out,
                             merx_error *err)
{
    mx_str text = field(in, row, meaning);
    *out = (mx_str){"", 0};
    if (text.size == 0 || in->refused_row)
        return MERX_OK;
    if (text.size > limit)
        return REFUSE(meaning, text, "%zu bytes long (expected at most %zu)", text.size, limit);
    char *copy = mx_arena_strndup(&in->arena, text.data, text.size, err);
    if (!copy)
        return MERX_E_MEMORY;
    *out = (mx_str){copy, text.size};
    return MERX_OK;
}

/* An id; spreadsheets write whole numbers as 17850.0. */
static merx_status take_id(mx_intake *in, const mx_row *row, mx_meaning meaning, mx_str *out, merx_error *err)
{
    MX_TRY(take_text(in, row, meaning, MX_ID_MAX, out, err));
    if (meaning == MX_MEANS_CUSTOMER && out->size > 2 && memcmp(out->data + out->size - 2, ".0", 2) == 0) {
        size_t digits = 0;
        while (digits < out->size - 2 && out->data[digits] >= '0' && out->data[digits] <= '9')
            digits++;
        if (digits == out->size - 2)
            out->size -= 2;
    }
    return MERX_OK;
}

static merx_status require(mx_intake *in, const mx_row *row, mx_meaning meaning, mx_str value, merx_error *err)
{
    if (value.size > 0 || in->refused_row)
        return MERX_OK;
    return REFUSE(meaning, value, "empty (expected the %s)", meaning == MX_MEANS_ID ? "id" : mx_meaning_name(meaning));
}

static merx_status take_time(mx_intake *in, const mx_row *row, bool required, int64_t *ms, bool *has, merx_error *err)
{
    mx_str text = field(in, row, MX_MEANS_TIME);
    *ms = 0;
    *has = false;
    if (in->refused_row)
        return MERX_OK;
    if (text.size == 0)
        return required ? REFUSE(MX_MEANS_TIME, text, "empty (expected a date, %s)",
                                 mx_date_format_name(in->layout.date_format))
                        : MERX_OK;
    if (!mx_parse_date(text, in->layout.date_format, in->settings->zone_ms, ms))
        return REFUSE(MX_MEANS_TIME, text, "not a date (expected %s)", mx_date_format_name(in->layout.date_format));
    *has = true;
    return MERX_OK;
}

/* Symbols that stand beside an amount. */
static mx_str without_currency(mx_str text)
{
    static const char *const symbols[] = {"£", "$", "€", "¥", "￥", "元", "GBP", "USD", "EUR", "CNY", "RMB"};
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        if (mx_str_starts(text, symbols[i]))
            text = (mx_str){text.data + strlen(symbols[i]), text.size - strlen(symbols[i])};
        if (mx_str_ends(text, symbols[i]))
            text.size -= strlen(symbols[i]);
        text = mx_str_trim(text);
    }
    return text;
}

/* "1,234,567.50" (or with comma and point exchanged) as "1234567.50"; commas that are no groups of three stay and fail. */
static mx_str plain_number(const mx_intake *in, mx_str text, char *buffer, size_t size)
{
    char point = in->layout.decimal_comma ? ',' : '.';
    char group = in->layout.decimal_comma ? '.' : ',';
    const char *mark = memchr(text.data, point, text.size);
    size_t n = 0;

    if (text.size >= size || (!in->layout.decimal_comma && !(mark && memchr(text.data, group, text.size))))
        return text;
    size_t whole = mark ? (size_t)(mark - text.data) : text.size;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == group) {
            if (i == 0 || i >= whole || (whole - i) % 4 != 0)
                return text;
            continue;
        }
        buffer[n++] = text.data[i] == point ? '.' : text.data[i];
    }
    return (mx_str){buffer, n};
}

/* More decimals than the shop has known: everything stored is multiplied, in this transaction. */
static merx_status refine_money(mx_intake *in, int decimals, merx_error *err)
{
    mx_records *records = in->shop->records;
    MX_TRY(mx_intake_flush(in, err));
    MX_TRY(mx_records_rescale_money(records, decimals - in->settings->decimals, err));
    MX_TRY(mx_shop_settings_set_int(records, MX_SETTING_DECIMALS, decimals, err));
    in->settings->decimals = decimals;
    in->things_changed = true;
    return MERX_OK;
}

static merx_status take_money(mx_intake *in, const mx_row *row, int64_t *minor, bool *has, merx_error *err)
{
    mx_str text = field(in, row, MX_MEANS_PRICE);
    char buffer[64];
    int64_t value;
    int decimals;

    *minor = 0;
    *has = false;
    if (text.size == 0 || in->refused_row)
        return MERX_OK;
    if (!mx_parse_decimal(text, &value, &decimals) &&
        !mx_parse_decimal(plain_number(in, without_currency(text), buffer, sizeof buffer), &value, &decimals))
        return REFUSE(MX_MEANS_PRICE, text, "not an amount (expected e.g. %s%s)",
                      in->layout.decimal_comma ? "1.234,50" : "1234.50",
                      !in->layout.decimal_comma && memchr(text.data, ',', text.size)
                          ? "; a decimal comma is said in shop.json: \"decimal_comma\": true"
                          : "");
    int allowed = in->settings->decimals_fixed ? in->settings->decimals : MX_DECIMALS_MOST;
    if (decimals > allowed)
        return REFUSE(MX_MEANS_PRICE, text, "an amount with %d decimals (expected at most %d)", decimals, allowed);
    int wanted = decimals > in->settings->decimals ? decimals : in->settings->decimals;
    if (!mx_rescale_decimal(value, decimals, wanted, &value) || value > MX_MONEY_MAX || value < -MX_MONEY_MAX)
        return REFUSE(MX_MEANS_PRICE, text, "too large an amount");
    if (wanted > in->settings->decimals)
        MX_TRY(refine_money(in, wanted, err));
    *minor = value;
    *has = true;
    return MERX_OK;
}

static merx_status take_quantity(mx_intake *in, const mx_row *row, int64_t *quantity, merx_error *err)
{
    mx_str text = field(in, row, MX_MEANS_QUANTITY);
    int64_t value;
    int decimals = 0;

    *quantity = 1;
    if (text.size == 0 || in->refused_row)
        return MERX_OK;
    if (!mx_parse_int64(text, &value)) {
        if (!mx_parse_decimal(text, &value, &decimals) || !mx_rescale_decimal(value, decimals, 0, &value))
            return REFUSE(MX_MEANS_QUANTITY, text, "not a whole number (expected e.g. 3)");
    }
    if (value == 0)
        return REFUSE(MX_MEANS_QUANTITY, text, "zero (expected a positive number; negative for returns)");
    if (value > MX_QUANTITY_MAX || value < -MX_QUANTITY_MAX)
        return REFUSE(MX_MEANS_QUANTITY, text, "out of range (expected at most %" PRId64 ")", MX_QUANTITY_MAX);
    *quantity = value;
    return MERX_OK;
}

static merx_status take_kind(mx_intake *in, const mx_row *row, mx_event_kind *kind, merx_error *err)
{
    static const char *const words[MX_EVENT_KINDS] = {
        [MX_EVENT_VIEW] =
            "|view|pageview|page_view|productview|click|detail|pv|fav|favorite|wishlist|浏览|查看|点击|收藏|",
        [MX_EVENT_CART] = "|cart|addtocart|add_to_cart|add to cart|basket|加购|加入购物车|",
        [MX_EVENT_PURCHASE] =
            "|purchase|buy|order|ordered|sale|sold|transaction|checkout|paid|completed|购买|下单|支付|成交|",
        [MX_EVENT_RETURN] = "|return|returned|refund|refunded|cancel|cancelled|canceled|cancellation|退货|退款|取消|",
    };
    mx_str text = field(in, row, MX_MEANS_KIND);
    char word[40];

    *kind = MX_EVENT_PURCHASE;
    if (text.size == 0 || in->refused_row)
        return MERX_OK;
    if (text.size < sizeof word - 2 && !memchr(text.data, '|', text.size)) {
        snprintf(word, sizeof word, "|%.*s|", (int)text.size, text.data);
        for (char *c = word; *c; c++)
            *c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
        for (int i = 0; i < MX_EVENT_KINDS; i++)
            if (strstr(words[i], word)) {
                *kind = (mx_event_kind)i;
                return MERX_OK;
            }
    }
    return REFUSE(MX_MEANS_KIND, text, "not a kind of event (expected view, cart, purchase or return)");
}

static merx_status check_erased(mx_intake *in, const mx_row *row, mx_str customer, mx_str order, merx_error *err)
{
    if (!in->erased->hashes || in->refused_row)
        return MERX_OK;
    if (mx_erased_has(in->erased, 'c', customer) || (customer.size == 0 && mx_erased_has(in->erased, 'o', order)))
        return refuse(in, row->line, "", MX_STR(""), err, "of a customer who was erased from this shop");
    return MERX_OK;
}

/* Columns without a meaning, as a JSON object; "" when there are none. */
static merx_status take_attributes(mx_intake *in, const mx_row *row, mx_str *out, merx_error *err)
{
    mx_text text;
    *out = (mx_str){"", 0};
    if (in->refused_row)
        return MERX_OK;
    mx_text_init(&text, in->alloc, MX_TEXT_MAX);
    for (size_t i = 0; i < row->count; i++) {
        bool known = false;
        for (int m = 0; m < MX_MEANINGS; m++)
            known = known || in->layout.column[m] == (int)i;
        mx_str value = row->fields[i].data ? mx_str_trim(row->fields[i]) : (mx_str){"", 0};
        if (known || value.size == 0)
            continue;
        mx_text_puts(&text, text.size ? ",\"" : "{\"");
        mx_text_json(&text, mx_str_of(mx_rows_column(in->rows, i)));
        mx_text_puts(&text, "\":\"");
        mx_text_json(&text, value);
        mx_text_puts(&text, "\"");
    }
    if (text.size)
        mx_text_puts(&text, "}");
    merx_status status = MERX_OK;
    if (mx_text_ok(&text, NULL) != MERX_OK)
        status = text.over_limit
                     ? refuse(in, row->line, "", MX_STR(""), err, "further columns of more than %u bytes", MX_TEXT_MAX)
                     : mx_text_ok(&text, err);
    else if (text.size) {
        char *copy = mx_arena_strndup(&in->arena, text.data, text.size, err);
        *out = (mx_str){copy, text.size};
        status = copy ? MERX_OK : MERX_E_MEMORY;
    }
    mx_text_release(&text);
    return status;
}

/* ---- roles ---- */

static merx_status take_event(mx_intake *in, const mx_row *row, mx_event *e, merx_error *err)
{
    bool has_time;
    bool kind_given = in->layout.column[MX_MEANS_KIND] >= 0;

    *e = (mx_event){.source = mx_str_of(in->source), .row = row->number};
    /* Money first: finer decimals than known send the batch off, and with it the texts of this row. */
    MX_TRY(take_money(in, row, &e->price_minor, &e->has_price, err));
    MX_TRY(take_id(in, row, MX_MEANS_ID, &e->id, err));
    if (in->layout.column[MX_MEANS_ID] >= 0)
        MX_TRY(require(in, row, MX_MEANS_ID, e->id, err));
    MX_TRY(take_id(in, row, MX_MEANS_PRODUCT, &e->product, err));
    MX_TRY(require(in, row, MX_MEANS_PRODUCT, e->product, err));
    MX_TRY(take_time(in, row, true, &e->time_ms, &has_time, err));
    MX_TRY(take_quantity(in, row, &e->quantity, err));
    MX_TRY(take_kind(in, row, &e->kind, err));
    MX_TRY(take_id(in, row, MX_MEANS_CUSTOMER, &e->customer, err));
    MX_TRY(take_id(in, row, MX_MEANS_ORDER, &e->order, err));
    MX_TRY(take_id(in, row, MX_MEANS_SESSION, &e->session, err));
    MX_TRY(take_text(in, row, MX_MEANS_TITLE, MX_NAME_MAX, &e->title, err));
    MX_TRY(take_text(in, row, MX_MEANS_COUNTRY, MX_ID_MAX, &e->country, err));
    MX_TRY(check_erased(in, row, e->customer, e->order, err));
    if (in->refused_row)
        return MERX_OK;
    /* A cancelled invoice begins with C; what came back is negative. */
    if (in->layout.retail && e->order.size > 0 && (e->order.data[0] == 'C' || e->order.data[0] == 'c'))
        e->kind = MX_EVENT_RETURN;
    if (e->kind == MX_EVENT_PURCHASE && e->quantity < 0)
        e->kind = MX_EVENT_RETURN;
    if (e->kind == MX_EVENT_RETURN && e->quantity > 0)
        e->quantity = -e->quantity;
    if (kind_given && e->quantity < 0 && e->kind != MX_EVENT_RETURN)
        return REFUSE(MX_MEANS_QUANTITY, field(in, row, MX_MEANS_QUANTITY), "negative (expected so only of returns)");
    return MERX_OK;
}

/* "messages.csv#12": of a row without an id of its own. */
static merx_status row_id(mx_intake *in, const mx_row *row, mx_str *id, merx_error *err)
{
    if (id->size > 0 || in->refused_row)
        return MERX_OK;
    char *made = mx_arena_printf(&in->arena, err, "%.200s#%" PRIu64, in->source, row->number);
    if (!made)
        return MERX_E_MEMORY;
    *id = mx_str_of(made);
    return MERX_OK;
}

static merx_status take_product(mx_intake *in, const mx_row *row, mx_product *p, merx_error *err)
{
    mx_str service = field(in, row, MX_MEANS_SERVICE);

    MX_TRY(take_money(in, row, &p->price_minor, &p->has_price, err)); /* first, as for events */
    MX_TRY(take_id(in, row, MX_MEANS_ID, &p->id, err));
    MX_TRY(require(in, row, MX_MEANS_ID, p->id, err));
    MX_TRY(take_text(in, row, MX_MEANS_TITLE, MX_NAME_MAX, &p->title, err));
    MX_TRY(take_text(in, row, MX_MEANS_CATEGORY, MX_NAME_MAX, &p->category, err));
    MX_TRY(take_text(in, row, MX_MEANS_BRAND, MX_NAME_MAX, &p->brand, err));
    MX_TRY(take_text(in, row, MX_MEANS_IMAGE, MX_NAME_MAX, &p->image, err));
    MX_TRY(take_text(in, row, MX_MEANS_TEXT, MX_TEXT_MAX, &p->text, err));
    p->service = mx_str_equal_nocase(service, MX_STR("true")) || mx_str_equal_nocase(service, MX_STR("yes")) ||
                 mx_str_equal(service, MX_STR("1"));
    return take_attributes(in, row, &p->attributes, err);
}

static merx_status take_customer(mx_intake *in, const mx_row *row, mx_customer *c, merx_error *err)
{
    MX_TRY(take_id(in, row, MX_MEANS_ID, &c->id, err));
    MX_TRY(require(in, row, MX_MEANS_ID, c->id, err));
    MX_TRY(check_erased(in, row, c->id, MX_STR(""), err));
    MX_TRY(take_text(in, row, MX_MEANS_COUNTRY, MX_ID_MAX, &c->country, err));
    MX_TRY(take_time(in, row, false, &c->created_ms, &c->has_created, err));
    return take_attributes(in, row, &c->attributes, err);
}

static merx_status take_order(mx_intake *in, const mx_row *row, mx_order *o, merx_error *err)
{
    bool has_time;
    MX_TRY(take_id(in, row, MX_MEANS_ID, &o->id, err));
    MX_TRY(require(in, row, MX_MEANS_ID, o->id, err));
    MX_TRY(take_id(in, row, MX_MEANS_CUSTOMER, &o->customer, err));
    MX_TRY(check_erased(in, row, o->customer, o->id, err));
    MX_TRY(take_text(in, row, MX_MEANS_STATUS, MX_ID_MAX, &o->status, err));
    MX_TRY(take_text(in, row, MX_MEANS_COUNTRY, MX_ID_MAX, &o->country, err));
    return take_time(in, row, true, &o->time_ms, &has_time, err);
}

static merx_status take_message(mx_intake *in, const mx_row *row, mx_message *m, merx_error *err)
{
    bool has_time;
    MX_TRY(take_id(in, row, MX_MEANS_ID, &m->id, err));
    MX_TRY(row_id(in, row, &m->id, err));
    MX_TRY(take_id(in, row, MX_MEANS_CUSTOMER, &m->customer, err));
    MX_TRY(check_erased(in, row, m->customer, MX_STR(""), err));
    MX_TRY(take_text(in, row, MX_MEANS_CHANNEL, MX_ID_MAX, &m->channel, err));
    MX_TRY(take_text(in, row, MX_MEANS_LANGUAGE, MX_ID_MAX, &m->language, err));
    MX_TRY(take_text(in, row, MX_MEANS_TEXT, MX_TEXT_MAX, &m->text, err));
    MX_TRY(require(in, row, MX_MEANS_TEXT, m->text, err));
    MX_TRY(take_text(in, row, MX_MEANS_INTENT, MX_NAME_MAX, &m->intent, err));
    MX_TRY(take_text(in, row, MX_MEANS_REPLY, MX_TEXT_MAX, &m->reply, err));
    return take_time(in, row, false, &m->time_ms, &has_time, err);
}

static merx_status take_review(mx_intake *in, const mx_row *row, mx_review *r, merx_error *err)
{
    bool has_time;
    mx_str rating = field(in, row, MX_MEANS_RATING);

    MX_TRY(take_id(in, row, MX_MEANS_ID, &r->id, err));
    MX_TRY(row_id(in, row, &r->id, err));
    MX_TRY(take_id(in, row, MX_MEANS_CUSTOMER, &r->customer, err));
    MX_TRY(check_erased(in, row, r->customer, MX_STR(""), err));
    MX_TRY(take_id(in, row, MX_MEANS_PRODUCT, &r->product, err));
    MX_TRY(take_text(in, row, MX_MEANS_TITLE, MX_NAME_MAX, &r->title, err));
    MX_TRY(take_text(in, row, MX_MEANS_TEXT, MX_TEXT_MAX, &r->text, err));
    r->rating = NAN;
    if (rating.size > 0 && !in->refused_row && (!mx_parse_double(rating, &r->rating) || !isfinite(r->rating)))
        return REFUSE(MX_MEANS_RATING, rating, "not a number");
    return take_time(in, row, false, &r->time_ms, &has_time, err);
}

/* A thing's id seen again in one file: the last row wins, the row counts as a duplicate. */
static merx_status count_duplicate(mx_intake *in, mx_str id, merx_error *err)
{
    int32_t code;
    bool added = false;
    MX_TRY(mx_dict_add(in->ids, id, &code, &added, err));
    if (added)
        in->accepted++;
    else
        in->duplicates++;
    return MERX_OK;
}

static merx_status take_thing(mx_intake *in, const mx_row *row, merx_error *err)
{
    static const mx_record_kind kinds[MX_ROLES] = {MX_PRODUCT, MX_CUSTOMER, MX_ORDER, MX_EVENT, MX_MESSAGE, MX_REVIEW};
    mx_record record = {.kind = kinds[in->layout.role]};
    mx_str id = {"", 0};

    switch (in->layout.role) {
    case MX_ROLE_PRODUCTS:
        MX_TRY(take_product(in, row, &record.product, err));
        id = record.product.id;
        break;
    case MX_ROLE_CUSTOMERS:
        MX_TRY(take_customer(in, row, &record.customer, err));
        id = record.customer.id;
        break;
    case MX_ROLE_ORDERS:
        MX_TRY(take_order(in, row, &record.order, err));
        id = record.order.id;
        break;
    case MX_ROLE_MESSAGES:
        MX_TRY(take_message(in, row, &record.message, err));
        id = record.message.id;
        break;
    default:
        MX_TRY(take_review(in, row, &record.review, err));
        id = record.review.id;
        break;
    }
    if (in->refused_row)
        return MERX_OK;
    MX_TRY(count_duplicate(in, id, err));
    in->things_changed = true;
    return mx_vec_append(&in->batch, &record, 1, err);
}

merx_status mx_intake_init(mx_intake *intake, merx_error *err)
{
    bool events = intake->layout.role == MX_ROLE_EVENTS;
    intake->batch = mx_vec_init(intake->alloc, events ? sizeof(mx_event) : sizeof(mx_record), BATCH, "rows");
    mx_arena_init(&intake->arena, intake->alloc);
    return events ? MERX_OK : mx_dict_new(intake->alloc, INT32_MAX, &intake->ids, err);
}

merx_status mx_intake_row(mx_intake *intake, const mx_row *row, merx_error *err)
{
    intake->read++;
    intake->refused_row = false;
    if (row->problem) {
        size_t columns = mx_rows_columns(intake->rows);
        const char *column = row->problem_column >= 0 && (size_t)row->problem_column < columns
                                 ? mx_rows_column(intake->rows, (size_t)row->problem_column)
                                 : "";
        return refuse(intake, row->line, column, MX_STR(""), err, "%s", row->problem);
    }
    if (intake->batch.count >= BATCH || intake->arena.used_bytes > (8u << 20))
        MX_TRY(mx_intake_flush(intake, err));
    if (intake->layout.role != MX_ROLE_EVENTS)
        return take_thing(intake, row, err);
    mx_event event;
    MX_TRY(take_event(intake, row, &event, err));
    return intake->refused_row ? MERX_OK : mx_vec_append(&intake->batch, &event, 1, err);
}

merx_status mx_intake_flush(mx_intake *intake, merx_error *err)
{
    mx_records *records = intake->shop->records;
    if (intake->batch.count > 0) {
        if (intake->layout.role == MX_ROLE_EVENTS) {
            uint64_t appended = 0;
            MX_TRY(mx_records_append(records, intake->batch.data, intake->batch.count, &appended, err));
            intake->accepted += appended;
            intake->duplicates += intake->batch.count - appended;
        } else {
            MX_TRY(mx_records_upsert(records, intake->batch.data, intake->batch.count, err));
        }
    }
    mx_vec_clear(&intake->batch);
    mx_arena_clear(&intake->arena);
    return MERX_OK;
}

void mx_intake_release(mx_intake *intake)
{
    mx_vec_release(&intake->batch);
    mx_arena_release(&intake->arena);
    mx_dict_free(intake->ids);
}
