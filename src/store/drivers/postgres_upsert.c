/*
 * Writing the kinds of records other than events.
 *
 * A batch goes out as a pipeline: statements are sent without waiting for the answer of each, so its time does not grow with the
 * network's. Sources and models are looked at before they are written, and go one by one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store/drivers/postgres_store.h"

#define PIPELINE                                                                                                       \
    128 /* statements sent before their answers are read: answers are small, so neither side waits for the other */

/* What an upsert of these kinds must keep true beyond the row itself; may change the record (a model's version). */
static merx_status prepare_source(mx_pg *pg, const mx_source_record *source, merx_error *err)
{
    int64_t rows;

    pg->source_size = 0;
    MX_TRY(mx_pg_source_rows(pg, source->name, &rows, err));
    if ((int64_t)source->rows < rows)
        MX_FAIL(err, MERX_E_INVALID, pg->place,
                "source %.*s has taken %" PRId64 " rows; %" PRIu64
                " would take some of them twice: remove the source first",
                (int)(source->name.size < 200 ? source->name.size : 200), source->name.data, rows, source->rows);
    return MERX_OK;
}

static merx_status prepare_model(mx_pg *pg, mx_model_record *model, merx_error *err)
{
    mx_pg_params params = {0};

    if (model->version == 0)
        MX_TRY(mx_pg_next_version(pg, model->answer, &model->version, err));
    mx_pg_put_text(&params, model->answer);
    mx_pg_put_int(&params, model->version, 8);
    MX_TRY(mx_pg_call(pg, MX_PG_MODEL_SET_LAST, &params, NULL, "writing a model's version", err));
    return model->live ? mx_pg_call(pg, MX_PG_MODEL_NOT_LIVE, &params, NULL, "replacing the live model", err) : MERX_OK;
}

static void put_record(mx_pg_params *params, const mx_record *record)
{
    const mx_fields *fields = mx_record_fields(record->kind);

    for (size_t i = 0; i < fields->count; i++)
        mx_pg_put_field(params, &fields->fields[i], record);
}

static merx_status upsert_one(mx_pg *pg, mx_record *record, merx_error *err)
{
    mx_pg_params params = {0};

    if (record->kind == MX_SOURCE)
        MX_TRY(prepare_source(pg, &record->source, err));
    if (record->kind == MX_MODEL)
        MX_TRY(prepare_model(pg, &record->model, err));
    put_record(&params, record);
    return mx_pg_call_kind(pg, record->kind, MX_PG_KIND_UPSERT, &params, NULL, "writing a record", err);
}

/* Reads the answers up to the pipeline's end. */
static merx_status end_pipeline(mx_pg *pg, bool sent, merx_error *err)
{
    merx_status status = MERX_OK;
    bool ended = false;

    if (!sent)
        status = mx_pg_fail(pg, NULL, "writing records", err);
    if (PQpipelineSync(pg->conn) != 1) {
        pg->lost = true; /* nothing tells where its answers end */
        return status != MERX_OK ? status : mx_pg_fail(pg, NULL, "writing records", err);
    }
    while (!ended && PQstatus(pg->conn) == CONNECTION_OK) {
        PGresult *result = PQgetResult(pg->conn);
        if (result == NULL)
            continue; /* after each statement's answer */
        ExecStatusType got = PQresultStatus(result);
        ended = got == PGRES_PIPELINE_SYNC;
        if (!ended && got != PGRES_COMMAND_OK && got != PGRES_PIPELINE_ABORTED && status == MERX_OK)
            status = mx_pg_fail(pg, result, "writing records", err);
        PQclear(result);
    }
    if (!ended && status == MERX_OK)
        status = mx_pg_fail(pg, NULL, "writing records", err);
    if (ended && PQexitPipelineMode(pg->conn) != 1 && status == MERX_OK)
        status = mx_pg_fail(pg, NULL, "writing records", err);
    return status;
}

/* n records of one kind; name: of the prepared statement. */
static merx_status upsert_pipelined(mx_pg *pg, const char *name, const mx_record *records, size_t n, merx_error *err)
{
    bool sent = true;

    if (PQenterPipelineMode(pg->conn) != 1)
        return mx_pg_fail(pg, NULL, "writing records", err);
    for (size_t i = 0; i < n && sent; i++) {
        mx_pg_params params = {0};
        put_record(&params, &records[i]);
        sent = PQsendQueryPrepared(pg->conn, name, params.count, params.values, params.sizes, params.formats, 1) == 1;
    }
    return end_pipeline(pg, sent, err);
}

merx_status mx_pg_upsert(void *state, const mx_record *records, size_t n, merx_error *err)
{
    mx_pg *pg = state;
    char name[32];
    size_t run;

    pg->wrote = true;
    for (size_t i = 0; i < n; i += run) {
        const mx_record_kind kind = records[i].kind;
        for (run = 1; i + run < n && run < PIPELINE && records[i + run].kind == kind; run++)
            ;
        if (kind == MX_SOURCE || kind == MX_MODEL || run == 1) {
            mx_record record = records[i];
            run = 1;
            MX_TRY(upsert_one(pg, &record, err));
            continue;
        }
        MX_TRY(mx_pg_prepare_kind(pg, kind, MX_PG_KIND_UPSERT, name, err));
        MX_TRY(upsert_pipelined(pg, name, records + i, run, err));
    }
    return MERX_OK;
}

merx_status mx_pg_remove(void *state, mx_record_kind kind, mx_str id, merx_error *err)
{
    mx_pg *pg = state;
    mx_pg_params params = {0};
    PGresult *result;
    mx_str answer = id;
    int64_t version = 0;

    pg->wrote = true;
    if (kind == MX_MODEL && (!mx_model_id_split(id, &answer, &version) || version == 0))
        MX_FAIL(err, MERX_E_INVALID, pg->place, "a model is removed by answer/version, e.g. recommend/3");
    mx_pg_put_text(&params, answer);
    if (kind == MX_SOURCE) {
        pg->source_size = 0;
        MX_TRY(mx_pg_call(pg, MX_PG_SOURCE_EVENTS_DELETE, &params, &result, "removing a source's events", err));
        if (mx_pg_changed(result) > 0)
            pg->scrubbing |= INT64_C(1) << MX_EVENT;
        PQclear(result);
    }
    if (kind == MX_MODEL)
        mx_pg_put_int(&params, version, 8);
    MX_TRY(mx_pg_call_kind(pg, kind, MX_PG_KIND_REMOVE, &params, &result, "removing a record", err));
    if (mx_pg_changed(result) > 0)
        pg->scrubbing |= INT64_C(1) << kind;
    PQclear(result);
    return MERX_OK;
}

merx_status mx_pg_rescale_money(void *state, int decimals_added, merx_error *err)
{
    mx_pg *pg = state;
    mx_pg_params params = {0};
    PGresult *result;
    int64_t factor = 1;

    for (int i = 0; i < decimals_added; i++)
        factor *= 10;
    MX_TRY(mx_pg_call(pg, MX_PG_PRICE_MAX, NULL, &result, "reading prices", err));
    int64_t largest = mx_pg_int(result, 0, 0);
    PQclear(result);
    if (largest > MX_MONEY_MAX / factor)
        MX_FAIL(err, MERX_E_RANGE, pg->place, "a price of %" PRId64 " has no room for %d more decimals", largest,
                decimals_added);
    pg->wrote = true;
    pg->scrubbing |= INT64_C(1) << MX_EVENT | INT64_C(1) << MX_PRODUCT; /* every row leaves its old version behind */
    mx_pg_put_int(&params, factor, 8);
    MX_TRY(mx_pg_call(pg, MX_PG_EVENT_RESCALE, &params, NULL, "rescaling prices", err));
    return mx_pg_call(pg, MX_PG_PRODUCT_RESCALE, &params, NULL, "rescaling prices", err);
}
