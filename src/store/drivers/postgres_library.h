/*
 * libpq, loaded when the first address of PostgreSQL is opened: who never asks for it does not load it, nor the dozens of libraries (Kerberos, LDAP, TLS) that it
 * stands on. Its header says what the functions are; the names of the functions stand for pointers here. Floor 3, for postgres_*.c.
 */
#ifndef MX_STORE_POSTGRES_LIBRARY_H
#define MX_STORE_POSTGRES_LIBRARY_H

#include <libpq-fe.h>

#include "merx/status.h"

/* X(name): every function of libpq that the driver calls. */
#define MX_LIBPQ_TABLE(X)                                                                                              \
    X(PQbackendPID)                                                                                                    \
    X(PQclear)                                                                                                         \
    X(PQcmdStatus)                                                                                                     \
    X(PQcmdTuples)                                                                                                     \
    X(PQconnectdbParams)                                                                                               \
    X(PQconnectionNeedsPassword)                                                                                       \
    X(PQconninfoFree)                                                                                                  \
    X(PQconninfoParse)                                                                                                 \
    X(PQconsumeInput)                                                                                                  \
    X(PQenterPipelineMode)                                                                                             \
    X(PQerrorMessage)                                                                                                  \
    X(PQexec)                                                                                                          \
    X(PQexecPrepared)                                                                                                  \
    X(PQexitPipelineMode)                                                                                              \
    X(PQfinish)                                                                                                        \
    X(PQfreemem)                                                                                                       \
    X(PQgetResult)                                                                                                     \
    X(PQgetisnull)                                                                                                     \
    X(PQgetlength)                                                                                                     \
    X(PQgetvalue)                                                                                                      \
    X(PQnfields)                                                                                                       \
    X(PQnotifies)                                                                                                      \
    X(PQntuples)                                                                                                       \
    X(PQparameterStatus)                                                                                               \
    X(PQpipelineSync)                                                                                                  \
    X(PQprepare)                                                                                                       \
    X(PQputCopyData)                                                                                                   \
    X(PQputCopyEnd)                                                                                                    \
    X(PQresultErrorField)                                                                                              \
    X(PQresultStatus)                                                                                                  \
    X(PQsendQueryParams)                                                                                               \
    X(PQsendQueryPrepared)                                                                                             \
    X(PQserverVersion)                                                                                                 \
    X(PQsetNoticeReceiver)                                                                                             \
    X(PQsetSingleRowMode)                                                                                              \
    X(PQstatus)                                                                                                        \
    X(PQtransactionStatus)

typedef struct mx_libpq_functions {
#define MX_LIBPQ_POINTER(name) __typeof__(&(name)) name##_;
    MX_LIBPQ_TABLE(MX_LIBPQ_POINTER)
#undef MX_LIBPQ_POINTER
} mx_libpq_functions;
/* All set once mx_libpq_load has succeeded. */
extern mx_libpq_functions mx_libpq;

/* Loads libpq.so.5, once; any thread. MERX_E_UNSUPPORTED says what to install when it is not there, or lacks a function. */
merx_status mx_libpq_load(merx_error *err) MERX_MUST_CHECK;

#ifndef MX_LIBPQ_ITSELF
#define PQbackendPID (*mx_libpq.PQbackendPID_)
#define PQclear (*mx_libpq.PQclear_)
#define PQcmdStatus (*mx_libpq.PQcmdStatus_)
#define PQcmdTuples (*mx_libpq.PQcmdTuples_)
#define PQconnectdbParams (*mx_libpq.PQconnectdbParams_)
#define PQconnectionNeedsPassword (*mx_libpq.PQconnectionNeedsPassword_)
#define PQconninfoFree (*mx_libpq.PQconninfoFree_)
#define PQconninfoParse (*mx_libpq.PQconninfoParse_)
#define PQconsumeInput (*mx_libpq.PQconsumeInput_)
#define PQenterPipelineMode (*mx_libpq.PQenterPipelineMode_)
#define PQerrorMessage (*mx_libpq.PQerrorMessage_)
#define PQexec (*mx_libpq.PQexec_)
#define PQexecPrepared (*mx_libpq.PQexecPrepared_)
#define PQexitPipelineMode (*mx_libpq.PQexitPipelineMode_)
#define PQfinish (*mx_libpq.PQfinish_)
#define PQfreemem (*mx_libpq.PQfreemem_)
#define PQgetResult (*mx_libpq.PQgetResult_)
#define PQgetisnull (*mx_libpq.PQgetisnull_)
#define PQgetlength (*mx_libpq.PQgetlength_)
#define PQgetvalue (*mx_libpq.PQgetvalue_)
#define PQnfields (*mx_libpq.PQnfields_)
#define PQnotifies (*mx_libpq.PQnotifies_)
#define PQntuples (*mx_libpq.PQntuples_)
#define PQparameterStatus (*mx_libpq.PQparameterStatus_)
#define PQpipelineSync (*mx_libpq.PQpipelineSync_)
#define PQprepare (*mx_libpq.PQprepare_)
#define PQputCopyData (*mx_libpq.PQputCopyData_)
#define PQputCopyEnd (*mx_libpq.PQputCopyEnd_)
#define PQresultErrorField (*mx_libpq.PQresultErrorField_)
#define PQresultStatus (*mx_libpq.PQresultStatus_)
#define PQsendQueryParams (*mx_libpq.PQsendQueryParams_)
#define PQsendQueryPrepared (*mx_libpq.PQsendQueryPrepared_)
#define PQserverVersion (*mx_libpq.PQserverVersion_)
#define PQsetNoticeReceiver (*mx_libpq.PQsetNoticeReceiver_)
#define PQsetSingleRowMode (*mx_libpq.PQsetSingleRowMode_)
#define PQstatus (*mx_libpq.PQstatus_)
#define PQtransactionStatus (*mx_libpq.PQtransactionStatus_)
#endif

#endif
