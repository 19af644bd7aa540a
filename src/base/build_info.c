/*
 * What this build is and where it runs, for a person.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/build_info.h"
#include "base/system.h"

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "unknown"
#endif

static void isa_lines(mx_text *text)
{
    mx_text_printf(text, "CPU           %s, %d cores for this process\n", mx_cpu_model(), mx_cores());
    mx_text_puts(text, "kernels      ");
    for (int isa = 0; isa < MX_ISA_COUNT; isa++)
        if (mx_isa_available((mx_isa)isa))
            mx_text_printf(text, " %s%s", mx_isa_name((mx_isa)isa), mx_isa_usable((mx_isa)isa) ? "" : " (capped)");
    mx_text_puts(text, "\n");
    const char *cap = getenv("MERX_MAX_ISA");
    mx_text_printf(text, "MERX_MAX_ISA  %s\n", cap != NULL && *cap != '\0' ? cap : "not set");
}

void mx_build_info_base(mx_text *text)
{
    mx_text_printf(text, "merx          %s\n", merx_version());
    mx_text_printf(text, "compiler      %s\n", COMPILER);
    mx_text_printf(text, "build         %s%s%s\n", MERX_BUILD_TYPE, MERX_SANITIZERS[0] != '\0' ? ", sanitizers " : "",
                   MERX_SANITIZERS);
    isa_lines(text);
}
