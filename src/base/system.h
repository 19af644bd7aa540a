/*
 * The machine: CPU features, cores, memory, and the log. Floor 0.
 */
#ifndef MX_BASE_SYSTEM_H
#define MX_BASE_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>

#include "merx/status.h"

/* Instruction sets, ascending; usable means the CPU has it, the OS saves its registers, and MERX_MAX_ISA does not forbid it. */
typedef enum mx_isa { MX_ISA_REF, MX_ISA_AVX2, MX_ISA_AVX512, MX_ISA_AVX512BF16, MX_ISA_COUNT } mx_isa;
const char *mx_isa_name(mx_isa isa); /* "ref", "avx2", … as in MERX_MAX_ISA */
bool mx_isa_available(mx_isa isa);   /* CPU and OS, without the cap */
bool mx_isa_usable(mx_isa isa);
const char *mx_cpu_model(void); /* "AMD EPYC …"; "unknown" */

int mx_cores(void);               /* that this process may use, >= 1 */
uint64_t mx_peak_rss_bytes(void); /* of this process so far; 0 if unknown */

/*
 * The log: diagnostics on stderr for developers and operators, off unless MERX_VERBOSE names the topic ("dispatch", "store", "all"; a comma list).
 * User-facing messages are not log lines.
 */
bool mx_log_on(const char *topic);
/* Turns a topic on for the whole process, whatever MERX_VERBOSE says; before other threads log. */
void mx_log_turn_on(const char *topic);
void mx_log(const char *topic, const char *format, ...) MERX_PRINTF(2, 3);

#endif
