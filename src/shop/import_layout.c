/*
 * How a file is understood: its role and the meaning of its columns, by their names. One table of words; names are compared without case, space, '_', '-', '.' and '/'.
 */
#include <string.h>

#include "shop/import_parts.h"

const char mx_retail_services[] =
    "POST|DOT|D|M|m|S|B|C2|C3|PADS|BANK CHARGES|AMAZONFEE|CRUK|gift_*|ADJUST|ADJUST2|TEST0*|GIFT|SP1002";

static const char *const role_names[MX_ROLES] = {"products", "customers", "orders", "events", "messages", "reviews"};
static const char *const meaning_names[MX_MEANINGS] = {
    "id",     "product", "customer", "order",    "session", "time",  "kind", "quantity",
    "price",  "title",   "country",  "category", "brand",   "image", "text", "service",
    "status", "channel", "language", "intent",   "reply",   "rating"};

#define PRODUCT_WORDS                                                                                                  \
    "|product|productid|productcode|productno|sku|stockcode|item|itemid|itemcode|article|articleid|asin|variantsku|"   \
    "goods|goodsid|商品|商品id|商品编号|商品编码|商品代码|产品|产品id|产品编号|货号|"
#define CUSTOMER_WORDS                                                                                                 \
    "|customer|customerid|customerno|customercode|client|clientid|user|userid|buyer|buyerid|member|memberid|"          \
    "visitorid|"                                                                                                       \
    "shopper|shopperid|email|客户|客户id|客户编号|顾客|顾客id|顾客编号|用户|用户id|用户编号|会员|会员id|买家|"
#define ORDER_WORDS                                                                                                    \
    "|order|orderid|orderno|ordernumber|invoice|invoiceno|invoiceid|invoicenumber|transactionid|basketid|receipt|"     \
    "订单|订单id|订单号|订单编号|发票号|"
#define TIME_WORDS                                                                                                                   \
    "|time|timestamp|ts|date|datetime|eventtime|eventdate|invoicedate|orderdate|ordertime|orderedat|purchasedate|"                   \
    "transactiondate|createdat|created|createdon|placedat|soldat|时间|日期|下单时间|订单日期|订单时间|购买时间|" \
    "交易时间|创建时间|发生时间|"
#define COUNTRY_WORDS "|country|countrycode|region|shippingcountry|billingcountry|国家|地区|国家地区|"
#define PRICE_WORDS                                                                                                    \
    "|price|unitprice|priceunit|itemprice|saleprice|listprice|retailprice|pricegbp|priceusd|priceeur|pricecny|单价|" \
    "价格|售价|商品单价|"
#define TITLE_WORDS                                                                                                             \
    "|title|name|producttitle|productname|itemname|description|producttitle|lineitemname|商品名称|商品名|名称|标题|" \
    "品名|产品名称|商品描述|"

typedef struct word_list {
    mx_role role;
    mx_meaning meaning;
    bool needed;
    const char *words; /* "|a|b|": earlier is stronger */
} word_list;

static const word_list table[] = {
    {MX_ROLE_PRODUCTS, MX_MEANS_ID, true, PRODUCT_WORDS "id|编号|编码|代码|"},
    {MX_ROLE_PRODUCTS, MX_MEANS_TITLE, false,
     "|title|name|producttitle|productname|itemname|商品名称|商品名|名称|标题|品名|产品名称|"},
    {MX_ROLE_PRODUCTS, MX_MEANS_CATEGORY, false,
     "|category|categories|categoryname|productcategory|producttype|type|department|分类|类别|类目|品类|商品类别|"
     "商品分类|"},
    {MX_ROLE_PRODUCTS, MX_MEANS_BRAND, false, "|brand|vendor|manufacturer|maker|品牌|"},
    {MX_ROLE_PRODUCTS, MX_MEANS_PRICE, false, PRICE_WORDS},
    {MX_ROLE_PRODUCTS, MX_MEANS_IMAGE, false,
     "|image|images|imageurl|imageurls|imagepath|imagelink|picture|pictures|pictureurl|photo|photos|photourl|图片|"
     "图片地址|"
     "图片链接|主图|商品图片|"},
    {MX_ROLE_PRODUCTS, MX_MEANS_TEXT, false, "|text|description|body|details|描述|详情|商品描述|"},
    {MX_ROLE_PRODUCTS, MX_MEANS_SERVICE, false, "|service|isservice|服务|"},

    {MX_ROLE_CUSTOMERS, MX_MEANS_ID, true, CUSTOMER_WORDS "id|编号|"},
    {MX_ROLE_CUSTOMERS, MX_MEANS_COUNTRY, false, COUNTRY_WORDS},
    {MX_ROLE_CUSTOMERS, MX_MEANS_TIME, false,
     "|created|createdat|createdon|signup|signupdate|signedup|registered|registeredat|registrationdate|joined|joinedat|"
     "since|"
     "注册时间|注册日期|创建时间|"},

    {MX_ROLE_ORDERS, MX_MEANS_ID, true, ORDER_WORDS "id|编号|"},
    {MX_ROLE_ORDERS, MX_MEANS_CUSTOMER, false, CUSTOMER_WORDS},
    {MX_ROLE_ORDERS, MX_MEANS_TIME, true, TIME_WORDS},
    {MX_ROLE_ORDERS, MX_MEANS_STATUS, false, "|status|orderstatus|state|financialstatus|状态|订单状态|"},
    {MX_ROLE_ORDERS, MX_MEANS_COUNTRY, false, COUNTRY_WORDS},

    {MX_ROLE_EVENTS, MX_MEANS_ID, false, "|eventid|id|lineid|rowid|uuid|事件id|流水号|"},
    {MX_ROLE_EVENTS, MX_MEANS_PRODUCT, true, PRODUCT_WORDS "lineitemsku|"},
    {MX_ROLE_EVENTS, MX_MEANS_CUSTOMER, false, CUSTOMER_WORDS},
    {MX_ROLE_EVENTS, MX_MEANS_ORDER, false, ORDER_WORDS},
    {MX_ROLE_EVENTS, MX_MEANS_SESSION, false, "|session|sessionid|visit|visitid|usersession|会话|会话id|"},
    {MX_ROLE_EVENTS, MX_MEANS_TIME, true, TIME_WORDS},
    {MX_ROLE_EVENTS, MX_MEANS_KIND, false,
     "|kind|event|eventtype|eventname|type|action|behavior|behaviour|behaviortype|行为|行为类型|事件|事件类型|类型|"},
    {MX_ROLE_EVENTS, MX_MEANS_QUANTITY, false,
     "|quantity|qty|count|units|amountofitems|lineitemquantity|数量|件数|购买数量|"},
    {MX_ROLE_EVENTS, MX_MEANS_PRICE, false, PRICE_WORDS "lineitemprice|"},
    {MX_ROLE_EVENTS, MX_MEANS_TITLE, false, TITLE_WORDS},
    {MX_ROLE_EVENTS, MX_MEANS_COUNTRY, false, COUNTRY_WORDS},

    {MX_ROLE_MESSAGES, MX_MEANS_ID, false, "|id|messageid|ticketid|编号|消息id|工单号|"},
    {MX_ROLE_MESSAGES, MX_MEANS_CUSTOMER, false, CUSTOMER_WORDS},
    {MX_ROLE_MESSAGES, MX_MEANS_TIME, false, TIME_WORDS},
    {MX_ROLE_MESSAGES, MX_MEANS_CHANNEL, false, "|channel|via|medium|渠道|"},
    {MX_ROLE_MESSAGES, MX_MEANS_LANGUAGE, false, "|language|lang|locale|语言|"},
    {MX_ROLE_MESSAGES, MX_MEANS_TEXT, true,
     "|text|message|body|content|instruction|question|utterance|subject|消息|内容|正文|问题|咨询内容|"},
    {MX_ROLE_MESSAGES, MX_MEANS_INTENT, false, "|intent|label|topic|意图|主题|"},
    {MX_ROLE_MESSAGES, MX_MEANS_REPLY, false, "|reply|response|answer|回复|答复|"},

    {MX_ROLE_REVIEWS, MX_MEANS_ID, false, "|id|reviewid|编号|评价id|评论id|"},
    {MX_ROLE_REVIEWS, MX_MEANS_CUSTOMER, false, CUSTOMER_WORDS "reviewer|reviewerid|author|"},
    {MX_ROLE_REVIEWS, MX_MEANS_PRODUCT, false, PRODUCT_WORDS},
    {MX_ROLE_REVIEWS, MX_MEANS_TITLE, false, "|title|summary|headline|reviewtitle|标题|"},
    {MX_ROLE_REVIEWS, MX_MEANS_TEXT, true,
     "|text|review|reviewtext|body|comment|content|评价|评论|内容|评价内容|评论内容|"},
    {MX_ROLE_REVIEWS, MX_MEANS_TIME, false, TIME_WORDS "reviewtime|reviewdate|评价时间|评论时间|"},
    {MX_ROLE_REVIEWS, MX_MEANS_RATING, true, "|rating|stars|score|overall|starrating|评分|星级|打分|"},
};
enum { TABLE = sizeof table / sizeof table[0] };

/* Words by which a file's own name speaks for a role; the first that fits wins. */
static const struct {
    const char *word;
    mx_role role;
} file_words[] = {
    {"orderlines", MX_ROLE_EVENTS}, {"orderitems", MX_ROLE_EVENTS},   {"lineitems", MX_ROLE_EVENTS},
    {"products", MX_ROLE_PRODUCTS}, {"catalog", MX_ROLE_PRODUCTS},    {"items", MX_ROLE_PRODUCTS},
    {"商品", MX_ROLE_PRODUCTS},     {"customers", MX_ROLE_CUSTOMERS}, {"users", MX_ROLE_CUSTOMERS},
    {"客户", MX_ROLE_CUSTOMERS},    {"会员", MX_ROLE_CUSTOMERS},      {"events", MX_ROLE_EVENTS},
    {"purchases", MX_ROLE_EVENTS},  {"sales", MX_ROLE_EVENTS},        {"transactions", MX_ROLE_EVENTS},
    {"行为", MX_ROLE_EVENTS},       {"订单明细", MX_ROLE_EVENTS},     {"orders", MX_ROLE_ORDERS},
    {"订单", MX_ROLE_ORDERS},       {"messages", MX_ROLE_MESSAGES},   {"tickets", MX_ROLE_MESSAGES},
    {"support", MX_ROLE_MESSAGES},  {"消息", MX_ROLE_MESSAGES},       {"客服", MX_ROLE_MESSAGES},
    {"reviews", MX_ROLE_REVIEWS},   {"评价", MX_ROLE_REVIEWS},        {"评论", MX_ROLE_REVIEWS},
};

const char *mx_role_name(mx_role role)
{
    return role >= 0 && role < MX_ROLES ? role_names[role] : "ignored";
}

mx_role mx_role_find(const char *name)
{
    for (int i = 0; i < MX_ROLES; i++)
        if (strcmp(name, role_names[i]) == 0)
            return (mx_role)i;
    if (strcmp(name, "order_lines") == 0 || strcmp(name, "purchases") == 0)
        return MX_ROLE_EVENTS;
    return MX_ROLE_NONE;
}

const char *mx_meaning_name(mx_meaning meaning)
{
    return (unsigned)meaning < MX_MEANINGS ? meaning_names[meaning] : "none";
}

mx_meaning mx_meaning_find(const char *name)
{
    for (int i = 0; i < MX_MEANINGS; i++)
        if (strcmp(name, meaning_names[i]) == 0)
            return (mx_meaning)i;
    return MX_MEANINGS;
}

static const word_list *entry(mx_role role, mx_meaning meaning)
{
    for (int i = 0; i < TABLE; i++)
        if (table[i].role == role && table[i].meaning == meaning)
            return &table[i];
    return NULL;
}

bool mx_role_has(mx_role role, mx_meaning meaning)
{
    return entry(role, meaning) != NULL;
}

bool mx_role_needs(mx_role role, mx_meaning meaning)
{
    const word_list *words = entry(role, meaning);
    return words && words->needed;
}

const char *mx_layout_preset(const mx_layout *layout)
{
    return layout->retail ? "online-retail" : layout->mapped ? "mapping" : mx_role_name(layout->role);
}

/* A column's name as in the table, between bars; size 0: too long to be one of them. */
static size_t plain_name(const char *name, char *out, size_t size)
{
    size_t n = 0;
    out[n++] = '|';
    for (const char *c = name; *c; c++) {
        if (strchr(" _-./()\t", *c))
            continue;
        if (n + 2 >= size)
            return 0;
        out[n++] = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    }
    out[n++] = '|';
    out[n] = '\0';
    return n > 2 ? n : 0;
}

/* The column whose name stands first in the words; -1: none. */
static int find_column(const mx_rows *rows, const char *words)
{
    int best = -1;
    const char *best_at = NULL;
    for (size_t i = 0; i < mx_rows_columns(rows); i++) {
        char name[128];
        const char *at = plain_name(mx_rows_column(rows, i), name, sizeof name) ? strstr(words, name) : NULL;
        if (at && (!best_at || at < best_at)) {
            best = (int)i;
            best_at = at;
        }
    }
    return best;
}

static void fill_columns(const mx_rows *rows, mx_role role, mx_layout *layout)
{
    layout->role = role;
    for (int i = 0; i < MX_MEANINGS; i++)
        layout->column[i] = -1;
    for (int i = 0; i < TABLE; i++)
        if (table[i].role == role) {
            int column = find_column(rows, table[i].words);
            /* A column means one thing: the first that claims it. */
            for (int j = 0; column >= 0 && j < MX_MEANINGS; j++)
                if (layout->column[j] == column)
                    column = -1;
            layout->column[table[i].meaning] = column;
        }
}

mx_meaning mx_layout_lacks(const mx_layout *layout)
{
    for (int i = 0; i < TABLE; i++)
        if (table[i].role == layout->role && table[i].needed && layout->column[table[i].meaning] < 0)
            return table[i].meaning;
    return MX_MEANINGS;
}

/* Whether a role that has all it needs is also likely: what tells it from the others. */
static bool is_likely(const mx_layout *l)
{
    const int *c = l->column;
    switch (l->role) {
    case MX_ROLE_EVENTS:
        return c[MX_MEANS_CUSTOMER] >= 0 || c[MX_MEANS_ORDER] >= 0 || c[MX_MEANS_SESSION] >= 0 ||
               c[MX_MEANS_QUANTITY] >= 0;
    case MX_ROLE_ORDERS:
        return c[MX_MEANS_CUSTOMER] >= 0 || c[MX_MEANS_STATUS] >= 0;
    case MX_ROLE_MESSAGES:
        return c[MX_MEANS_INTENT] >= 0 || c[MX_MEANS_REPLY] >= 0 || c[MX_MEANS_CHANNEL] >= 0;
    case MX_ROLE_PRODUCTS:
        return c[MX_MEANS_TITLE] >= 0 || c[MX_MEANS_PRICE] >= 0 || c[MX_MEANS_CATEGORY] >= 0;
    case MX_ROLE_CUSTOMERS:
        return c[MX_MEANS_COUNTRY] >= 0 || c[MX_MEANS_TIME] >= 0;
    default:
        return true;
    }
}

static mx_role role_of_file(const char *file_name)
{
    char name[300];
    if (!plain_name(file_name, name, sizeof name))
        return MX_ROLE_NONE;
    for (size_t i = 0; i < sizeof file_words / sizeof file_words[0]; i++)
        if (strstr(name, file_words[i].word))
            return file_words[i].role;
    return MX_ROLE_NONE;
}

static bool is_retail(const mx_rows *rows)
{
    static const char *const needed[] = {"|invoiceno|invoice|", "|stockcode|",       "|quantity|",
                                         "|invoicedate|",       "|unitprice|price|", "|customerid|"};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (find_column(rows, needed[i]) < 0)
            return false;
    return true;
}

void mx_layout_recognise(const mx_rows *rows, const char *file_name, mx_role wanted, mx_layout *out)
{
    /* The most telling roles first; orders with products are events. */
    static const mx_role order[] = {MX_ROLE_REVIEWS,  MX_ROLE_EVENTS,   MX_ROLE_ORDERS,
                                    MX_ROLE_MESSAGES, MX_ROLE_PRODUCTS, MX_ROLE_CUSTOMERS};

    if (wanted != MX_ROLE_NONE) {
        fill_columns(rows, wanted, out);
        return;
    }
    out->retail = is_retail(rows);
    if (out->retail) {
        fill_columns(rows, MX_ROLE_EVENTS, out);
        return;
    }
    mx_role named = role_of_file(file_name);
    if (named == MX_ROLE_ORDERS || named == MX_ROLE_EVENTS) {
        fill_columns(rows, MX_ROLE_EVENTS, out);
        if (mx_layout_lacks(out) == MX_MEANINGS)
            return;
    }
    if (named != MX_ROLE_NONE) {
        fill_columns(rows, named, out);
        if (mx_layout_lacks(out) == MX_MEANINGS)
            return;
    }
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        fill_columns(rows, order[i], out);
        if (mx_layout_lacks(out) == MX_MEANINGS && is_likely(out))
            return;
    }
    out->role = MX_ROLE_NONE;
}

void mx_layout_suppose(const mx_rows *rows, const char *file_name, mx_layout *out)
{
    mx_role named = role_of_file(file_name);
    int found = 0;

    if (named == MX_ROLE_NONE)
        return;
    fill_columns(rows, named == MX_ROLE_ORDERS ? MX_ROLE_EVENTS : named, out);
    for (int i = 0; i < MX_MEANINGS; i++)
        found += out->column[i] >= 0;
    if (found < 2)
        out->role = MX_ROLE_NONE;
}
