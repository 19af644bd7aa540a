/*
 * The plain C level beside loops too simple to be wrong; which level is picked.
 */
#include "kernels/function_cases.h"
#include "kernels/nearest_cases.h"

static double naive_dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static double naive_dot_float(const double *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * (double)b[i];
    return sum;
}

static void naive_axpy(double v, const double *x, double *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += v * x[i];
}

static void naive_axpy_float(double v, const float *x, double *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += v * (double)x[i];
}

static void naive_scale_float(double v, const float *x, double *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = v * (double)x[i];
}

static void naive_squared_distances(const double *x, const double *centres, size_t d, size_t k, double *out)
{
    for (size_t c = 0; c < k; c++) {
        out[c] = 0;
        for (size_t j = 0; j < d; j++)
            out[c] += (x[j] - centres[j * k + c]) * (x[j] - centres[j * k + c]);
    }
}

static void naive_syrk_add(const double *x, size_t m, size_t d, double *a)
{
    for (size_t i = 0; i < d; i++)
        for (size_t j = i; j < d; j++) {
            double sum = 0;
            for (size_t r = 0; r < m; r++)
                sum += x[r * d + i] * x[r * d + j];
            a[i * d + j] += sum;
        }
}

static void naive_gram_add(const mx_gram_rows *rows, size_t begin, size_t m, size_t first, size_t end, double *a,
                           double *scratch)
{
    (void)scratch;
    size_t d = rows->d, width = MX_GRAM_WIDTH(rows);
    for (size_t r = begin; r < begin + m; r++)
        for (size_t i = first; i < end; i++)
            for (size_t j = i; j < width; j++) {
                double v[2];
                for (size_t s = 0; s < 2; s++) {
                    size_t c = s == 0 ? i : j;
                    v[s] = c < d ? rows->x[r * d + c] : c > d ? 1 : rows->y != NULL ? rows->y[r] : 0;
                    v[s] -= rows->shift != NULL && c <= d ? rows->shift[c] : 0;
                }
                a[i * width + j] += (rows->w != NULL ? rows->w[r] : 1) * v[0] * v[1];
            }
}

static void naive_multiply_add(const double *a, const double *b, double *c, size_t m, size_t k, size_t n)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            for (size_t l = 0; l < k; l++)
                c[i * n + j] += a[i * k + l] * b[l * n + j];
}

static void naive_transposed_multiply_add(const double *a, const double *b, double *c, size_t m, size_t k, size_t n)
{
    for (size_t l = 0; l < k; l++)
        for (size_t j = 0; j < n; j++)
            for (size_t i = 0; i < m; i++)
                c[l * n + j] += a[i * k + l] * b[i * n + j];
}

/* Row by row: Golub & Van Loan, algorithm 4.2.1, transposed. */
static bool naive_cholesky(double *a, size_t d)
{
    for (size_t i = 0; i < d; i++) {
        for (size_t j = i; j < d; j++)
            for (size_t k = 0; k < i; k++)
                a[i * d + j] -= a[k * d + i] * a[k * d + j];
        if (!(a[i * d + i] > 0) || !isfinite(a[i * d + i]))
            return false;
        double root = sqrt(a[i * d + i]);
        for (size_t j = i; j < d; j++)
            a[i * d + j] /= root;
    }
    return true;
}

static const mx_kernels naive = {.dot = naive_dot,
                                 .dot_float = naive_dot_float,
                                 .axpy = naive_axpy,
                                 .axpy_float = naive_axpy_float,
                                 .scale_float = naive_scale_float,
                                 .squared_distances = naive_squared_distances,
                                 .syrk_add = naive_syrk_add,
                                 .gram_add = naive_gram_add,
                                 .multiply_add = naive_multiply_add,
                                 .transposed_multiply_add = naive_transposed_multiply_add,
                                 .cholesky = naive_cholesky};

int main(void)
{
    level = mx_kernels_of(MX_ISA_REF);
    oracle = &naive;
    if (level == NULL || level->isa != MX_ISA_REF || mx_kernel() != mx_kernel() || !mx_isa_usable(mx_kernel()->isa)) {
        puts("the table of kernels is wrong");
        return 1;
    }
    /* The best usable level that was built is the one that runs. */
    for (int isa = 0; isa < MX_ISA_COUNT; isa++)
        if (mx_isa_usable((mx_isa)isa) && mx_kernels_of((mx_isa)isa) != NULL && mx_kernel()->isa < (mx_isa)isa) {
            printf("%s is usable, but %s runs\n", mx_isa_name((mx_isa)isa), mx_isa_name(mx_kernel()->isa));
            return 1;
        }
    return run_kernel_cases() + cmocka_run_group_tests(function_tests, NULL, NULL) +
           cmocka_run_group_tests(nearest_tests, NULL, NULL);
}
