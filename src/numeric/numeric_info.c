/*
 * BLAS and LAPACK of this build, for merx_build_info.
 */
#include <cblas.h>

#include "numeric/matrix.h"

void mx_numeric_build_info(mx_text *text)
{
#ifdef OPENBLAS_VERSION
    mx_text_printf(text, "BLAS, LAPACK  %s, kernel %s\n", openblas_get_config(), openblas_get_corename());
#else
    mx_text_puts(text, "BLAS, LAPACK  unknown\n");
#endif
}
