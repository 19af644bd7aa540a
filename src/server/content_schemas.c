/*
 * JSON schemas of what jobs, models, keys and settings bring and give, for OpenAPI: written as JSON, read once.
 */
#include <string.h>

#include "server/handlers.h"

/* Types of members that may be null are lists of two. */
static const char *const texts[][2] = {
    {"job_asked",
     "{'oneOf':["
     "{'type':'object','additionalProperties':false,'required':['kind'],'properties':{'kind':{'const':'import'},"
     "'uploads':{'type':'array','items':{'type':'string'},'description':'which of the uploads; left out: all'},"
     "'options':{'type':'object','additionalProperties':false,'properties':{'mapping':{'type':'string','description':"
     "'the upload that says what columns mean'},'replace':{'type':'boolean','default':false},'max_refused':{'type':"
     "'integer','minimum':0,'default':0}}}}},"
     "{'type':'object','additionalProperties':false,'required':['kind'],'properties':{'kind':{'const':'train'},"
     "'answers':{'type':'array','items':{'type':'string'},'description':'left out: all that learn'},'options':{'type':"
     "'object','description':'options of training: {answer.option: value}'},'force':{'type':'boolean','default':false,"
     "'description':'deploy also what does not pass its gate'},'again':{'type':'boolean','default':false,'description':"
     "'train also what is up to date'}}},"
     "{'type':'object','additionalProperties':false,'required':['kind'],'properties':{'kind':{'const':'evaluate'},"
     "'answers':{'type':'array','items':{'type':'string'}}}},"
     "{'type':'object','additionalProperties':false,'required':['kind','customers'],'properties':{'kind':{'const':"
     "'erase'},'customers':{'type':'array','minItems':1,'maxItems':1000,'items':{'type':'string'}}}},"
     "{'type':'object','additionalProperties':false,'required':['kind'],'properties':{'kind':{'const':'export'},"
     "'customers':{'type':'array','minItems':1,'maxItems':1000,'items':{'type':'string'},'description':'left out: the "
     "whole shop'}}}]}"},
    {"job",
     "{'type':'object','properties':{'id':{'type':'string'},'kind':{'type':'string','enum':['import','train',"
     "'evaluate','erase','export']},'state':{'type':'string','enum':['waiting','running','done','failed','cancelled',"
     "'interrupted']},'created':{'type':'string','format':'date-time'},'started':{'type':['string','null']},'ended':"
     "{'type':['string','null']},'progress':{'type':['number','null'],'minimum':0,'maximum':1},'stage':{'type':"
     "'string'},'left_s':{'type':['number','null']},'parameters':{'type':'object'},'result':{'type':['object',"
     "'null']},'error':{'type':['object','null'],'properties':{'code':{'type':'string'},'message':{'type':'string'},"
     "'where':{'type':'string'},'hint':{'type':'string'}}}}}"},
    {"jobs",
     "{'type':'object','properties':{'items':{'type':'array','items':{'$ref':'#/components/schemas/job'}},'next':"
     "{'type':['string','null']}}}"},
    {"upload",
     "{'type':'object','properties':{'name':{'type':'string'},'bytes':{'type':'integer'},'sha256':{'type':'string'}}}"},
    {"uploads",
     "{'type':'object','properties':{'items':{'type':'array','items':{'type':'object','properties':{'name':{'type':"
     "'string'},'bytes':{'type':'integer'},'created':{'type':'string','format':'date-time'}}}},'next':{'type':"
     "['string','null']}}}"},
    {"models",
     "{'type':'object','properties':{'items':{'type':'array','items':{'type':'object','properties':{'answer':{'type':"
     "'string'},'title':{'type':'string'},'live':{'type':['integer','null']},'versions':{'type':'integer'},'newest':"
     "{'type':['integer','null']}}}}}}"},
    {"model_versions",
     "{'type':'object','properties':{'answer':{'type':'string'},'versions':{'type':'array','description':'newest "
     "first','items':{'type':'object','properties':{'version':{'type':'integer'},'live':{'type':'boolean'},'created':"
     "{'type':'string','format':'date-time'},'data_offset':{'type':'integer'},'bytes':{'type':['integer','null']},"
     "'sha256':{'type':'string'},'options':{'type':'object'},'evaluation':{'type':['object','null']},'curves':{'type':"
     "'array','items':{'type':'object','properties':{'name':{'type':'string'},'points':{'type':'array','items':"
     "{'type':'array','items':{'type':'number'}}}}}}}}}}}"},
    {"comparison",
     "{'type':'object','properties':{'answer':{'type':'string'},'a':{'type':'integer'},'b':{'type':'integer'},"
     "'figures':{'type':'array','items':{'type':'object','properties':{'name':{'type':'string'},'a':{'type':['object',"
     "'null']},'b':{'type':['object','null']},'difference':{'type':['number','null'],'description':'b - a'},"
     "'higher_is_better':{'type':'boolean'}}}}}}"},
    {"deploy",
     "{'type':'object','additionalProperties':false,'required':['version'],'properties':{'version':{'type':'integer',"
     "'minimum':1},'force':{'type':'boolean','default':false,'description':'also one that did not pass its gate'}}}"},
    {"empty", "{'type':'object','additionalProperties':false,'properties':{}}"},
    {"deployed",
     "{'type':'object','properties':{'answer':{'type':'string'},'live':{'type':'integer'},'was':{'type':['integer',"
     "'null']}}}"},
    {"key_asked",
     "{'type':'object','additionalProperties':false,'required':['role'],'properties':{'role':{'type':'string','enum':"
     "['reader','writer','admin']},'name':{'type':'string','maxLength':80,'description':'for whom'}}}"},
    {"key",
     "{'type':'object','properties':{'id':{'type':'string'},'name':{'type':'string'},'role':{'type':'string'},"
     "'created':{'type':'string','format':'date-time'},'key':{'type':'string','description':'what clients send; shown "
     "this once'}}}"},
    {"keys",
     "{'type':'object','properties':{'items':{'type':'array','items':{'type':'object','properties':{'id':{'type':"
     "'string'},'name':{'type':'string'},'role':{'type':'string'},'created':{'type':'string','format':"
     "'date-time'}}}},'next':{'type':['string','null']}}}"},
    {"revoked", "{'type':'object','properties':{'revoked':{'type':'string'}}}"},
    {"settings",
     "{'type':'object','properties':{'settings':{'type':'array','items':{'type':'object','properties':{'name':{'type':"
     "'string'},'value':{},'default':{},'text':{'type':'string'},'from':{'type':'string','enum':['flag','environment',"
     "'file','default']}}}},'shop':{'type':'object','properties':{'name':{'type':'string'},'offset':{'type':"
     "'integer'},'decimals':{'type':'integer'},'decimals_shown':{'type':'integer'},'currency':{'type':'string'},"
     "'time_zone':{'type':'string'},'week_start':{'type':'string'},'services':{'type':'string'}}}}}"},
};

void mx_add_content_schemas(json_t *schemas)
{
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char text[4096];
        size_t n = 0;
        /* Single quotes keep the table readable; no text in it has one. */
        for (const char *c = texts[i][1]; *c && n < sizeof text - 1; c++)
            text[n++] = (char)(*c == '\'' ? '"' : *c);
        text[n] = '\0';
        json_object_set_new(schemas, texts[i][0], json_loads(text, 0, NULL));
    }
}
