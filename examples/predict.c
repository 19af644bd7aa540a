/*
 * A model on a table from a C program: fits a linear regression on a CSV file, predicts the first rows, says why.
 *
 *     cc predict.c $(pkg-config --cflags --libs merx) -o predict
 *     ./predict diamonds.csv price
 */
#include <stdio.h>

#include <merx/model.h>

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s TABLE.csv TARGET_COLUMN\n", argv[0]);
        return 2;
    }
    merx_error err = {0};
    merx_dataset *table = NULL;
    merx_model *model = NULL;
    merx_prediction prediction = {0};
    merx_explanation why = {0};
    int code = 1;
    if (merx_dataset_read(argv[1], NULL, NULL, &table, &err) != MERX_OK ||
        merx_model_new(NULL, "ridge", &model, &err) != MERX_OK ||
        merx_model_fit(model, table, &(merx_fit_columns){.target = argv[2]}, NULL, &err) != MERX_OK ||
        merx_model_predict(model, table, NULL, &prediction, &err) != MERX_OK ||
        merx_model_explain(model, table, 0, -1, &why, &err) != MERX_OK) {
        fprintf(stderr, "%s%s%s\n", err.where, err.where[0] ? ": " : "", err.message);
        goto out;
    }
    for (size_t i = 0; i < prediction.rows && i < 3; i++)
        printf("row %zu: %s is predicted as %.6g\n", i + 1, argv[2], prediction.values[i]);
    printf("row 1 is %.6g above or below the mean because of\n", why.score - why.base);
    for (size_t i = 0; i < why.count; i++)
        printf("  %+12.6g  %s = %s\n", why.contributions[i].contribution, why.contributions[i].name,
               why.contributions[i].value);
    code = 0;
out:
    merx_explanation_release(&why);
    merx_prediction_release(&prediction);
    merx_model_free(model);
    merx_dataset_free(table);
    return code;
}
