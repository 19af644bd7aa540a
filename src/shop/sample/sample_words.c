/*
 * Names of the sample shop, in English and Chinese.
 */
#include "shop/sample/sample.h"

#include <stdio.h>

enum { STREAM_NAMES = 201, NOUNS = 6 };

typedef struct word {
    const char *en, *zh;
} word;

static const word colours[SAMPLE_COLOURS] = {
    {"Red", "红色"},   {"Blue", "蓝色"}, {"Green", "绿色"}, {"White", "白色"},  {"Black", "黑色"},
    {"Ivory", "米白"}, {"Grey", "灰色"}, {"Pink", "粉色"},  {"Golden", "金色"}, {"Striped", "条纹"}};
static const word styles[] = {{"Classic", "经典"}, {"Nordic", "北欧风"}, {"Vintage", "复古"}, {"Travel", "旅行"},
                              {"Family", "家用"},  {"Light", "轻便"},    {"Premium", "高级"}, {"Mini", "迷你"},
                              {"Large", "大号"},   {"Handmade", "手工"}};

typedef struct category_words {
    const char *name;
    word noun[NOUNS];
} category_words;

static const category_words words[SAMPLE_CATEGORIES] = {
    {"Kitchen",
     {{"Pan", "平底锅"},
      {"Kettle", "水壶"},
      {"Knife", "菜刀"},
      {"Cutting Board", "砧板"},
      {"Wok", "炒锅"},
      {"Ladle", "汤勺"}}},
    {"Tableware",
     {{"Bowl", "碗"},
      {"Plate", "盘子"},
      {"Mug", "马克杯"},
      {"Chopsticks", "筷子"},
      {"Glass", "玻璃杯"},
      {"Tray", "托盘"}}},
    {"Tea",
     {{"Green Tea", "绿茶"},
      {"Black Tea", "红茶"},
      {"Oolong", "乌龙茶"},
      {"Jasmine Tea", "茉莉花茶"},
      {"Pu'er", "普洱茶"},
      {"Teapot", "茶壶"}}},
    {"Coffee",
     {{"Beans", "咖啡豆"},
      {"Grinder", "磨豆机"},
      {"Dripper", "滤杯"},
      {"Filter", "滤纸"},
      {"Scale", "电子秤"},
      {"Moka Pot", "摩卡壶"}}},
    {"Bedding",
     {{"Pillow", "枕头"},
      {"Duvet", "被子"},
      {"Sheet", "床单"},
      {"Blanket", "毯子"},
      {"Pillowcase", "枕套"},
      {"Mattress Pad", "床垫"}}},
    {"Bath",
     {{"Towel", "毛巾"},
      {"Bath Mat", "浴室垫"},
      {"Soap", "香皂"},
      {"Bathrobe", "浴袍"},
      {"Soap Dish", "皂盒"},
      {"Shower Curtain", "浴帘"}}},
    {"Lighting",
     {{"Lamp", "台灯"},
      {"Lantern", "灯笼"},
      {"Candle", "蜡烛"},
      {"Light Chain", "串灯"},
      {"Night Light", "小夜灯"},
      {"Bulb", "灯泡"}}},
    {"Decoration",
     {{"Vase", "花瓶"},
      {"Frame", "相框"},
      {"Clock", "挂钟"},
      {"Mirror", "镜子"},
      {"Ornament", "摆件"},
      {"Wall Hanging", "挂饰"}}},
    {"Christmas",
     {{"Star", "圣诞星"},
      {"Garland", "花环"},
      {"Bauble", "圣诞球"},
      {"Advent Calendar", "倒数日历"},
      {"Stocking", "圣诞袜"},
      {"Gift Tag", "礼品标签"}}},
    {"Garden",
     {{"Flower Pot", "花盆"},
      {"Watering Can", "洒水壶"},
      {"Seeds", "种子"},
      {"Gloves", "园艺手套"},
      {"Shears", "修枝剪"},
      {"Bird House", "鸟屋"}}},
    {"Toys",
     {{"Puzzle", "拼图"},
      {"Blocks", "积木"},
      {"Doll", "玩偶"},
      {"Kite", "风筝"},
      {"Train", "小火车"},
      {"Spinning Top", "陀螺"}}},
    {"Stationery",
     {{"Notebook", "笔记本"},
      {"Pen", "钢笔"},
      {"Pencil Case", "笔袋"},
      {"Card", "卡片"},
      {"Washi Tape", "和纸胶带"},
      {"Brush", "毛笔"}}},
    {"Bags",
     {{"Backpack", "双肩包"},
      {"Tote", "手提袋"},
      {"Lunch Bag", "午餐包"},
      {"Purse", "钱包"},
      {"Suitcase", "行李箱"},
      {"Pouch", "收纳袋"}}},
    {"Women",
     {{"Dress", "连衣裙"},
      {"Scarf", "围巾"},
      {"Blouse", "衬衫"},
      {"Skirt", "半身裙"},
      {"Cardigan", "开衫"},
      {"Qipao", "旗袍"}}},
    {"Men",
     {{"Shirt", "男衬衫"},
      {"Belt", "皮带"},
      {"Tie", "领带"},
      {"Jacket", "夹克"},
      {"Trousers", "长裤"},
      {"Cap", "帽子"}}},
    {"Children",
     {{"Romper", "连体衣"},
      {"Socks", "童袜"},
      {"Raincoat", "雨衣"},
      {"Hat", "童帽"},
      {"Bib", "围兜"},
      {"Pyjamas", "睡衣"}}},
    {"Shoes",
     {{"Sneaker", "运动鞋"},
      {"Sandal", "凉鞋"},
      {"Boot", "靴子"},
      {"Slipper", "拖鞋"},
      {"Loafer", "乐福鞋"},
      {"Insole", "鞋垫"}}},
    {"Jewellery",
     {{"Necklace", "项链"},
      {"Ring", "戒指"},
      {"Earrings", "耳环"},
      {"Bracelet", "手链"},
      {"Brooch", "胸针"},
      {"Jade Pendant", "玉坠"}}},
    {"Beauty",
     {{"Face Cream", "面霜"},
      {"Lipstick", "口红"},
      {"Shampoo", "洗发水"},
      {"Hand Cream", "护手霜"},
      {"Mask", "面膜"},
      {"Perfume", "香水"}}},
    {"Sport",
     {{"Yoga Mat", "瑜伽垫"},
      {"Dumbbell", "哑铃"},
      {"Bottle", "运动水壶"},
      {"Skipping Rope", "跳绳"},
      {"Racket", "球拍"},
      {"Ball", "球"}}},
    {"Pets",
     {{"Cat Bed", "猫窝"},
      {"Dog Leash", "牵引绳"},
      {"Pet Bowl", "宠物碗"},
      {"Scratching Post", "猫抓柱"},
      {"Pet Toy", "宠物玩具"},
      {"Treats", "零食"}}},
    {"Phone",
     {{"Case", "手机壳"},
      {"Cable", "数据线"},
      {"Charger", "充电器"},
      {"Stand", "手机支架"},
      {"Earphones", "耳机"},
      {"Power Bank", "充电宝"}}},
    {"Snacks",
     {{"Nuts", "坚果"},
      {"Biscuits", "饼干"},
      {"Chocolate", "巧克力"},
      {"Dried Mango", "芒果干"},
      {"Rice Cracker", "米饼"},
      {"Candy", "糖果"}}},
    {"Cleaning",
     {{"Sponge", "海绵"},
      {"Broom", "扫帚"},
      {"Cloth", "抹布"},
      {"Detergent", "洗涤剂"},
      {"Bin", "垃圾桶"},
      {"Mop", "拖把"}}},
};
static const char *const brands[] = {"Lindengrove", "Hua Nian", "Brightwater", "Maison Ash", "Qing Yuan",
                                     "Northlight",  "Oakfield", "Mei Tao",     "Saltmarsh",  "Jin Feng"};
static const word first_names[] = {{"Emma", "芳"}, {"Oliver", "伟"}, {"Sofia", "娜"}, {"Liam", "强"},
                                   {"Mia", "敏"},  {"Noah", "磊"},   {"Ava", "静"},   {"Lucas", "洋"},
                                   {"Lena", "艳"}, {"Hugo", "勇"},   {"Chloe", "婷"}, {"Ivan", "杰"}};
static const word last_names[] = {{"Clarke", "王"}, {"Schmidt", "李"}, {"Dubois", "张"}, {"Rossi", "刘"},
                                  {"Novak", "陈"},  {"Jansen", "杨"},  {"Murphy", "赵"}, {"Larsen", "黄"},
                                  {"Costa", "周"},  {"Weber", "吴"},   {"Moreau", "徐"}, {"Khan", "孙"}};
static const char *const countries[SAMPLE_COUNTRIES] = {"United Kingdom", "China",       "Germany", "France",
                                                        "Ireland",        "Netherlands", "Spain",   "Singapore"};

#define COUNT(list) (sizeof(list) / sizeof *(list))

size_t sample_product_colour(const sample_plan *plan, size_t product)
{
    mx_random random;
    mx_random_init(&random, plan->seed, mx_random_key(STREAM_NAMES, product, 0));
    return mx_random_below(&random, COUNT(colours)); /* as the title draws it */
}

void sample_product_title(const sample_plan *plan, size_t product, char *out)
{
    mx_random random;
    mx_random_init(&random, plan->seed, mx_random_key(STREAM_NAMES, product, 0));
    const word *colour = &colours[mx_random_below(&random, COUNT(colours))];
    const word *style = &styles[mx_random_below(&random, COUNT(styles))];
    const word *noun = &words[plan->product[product].category].noun[mx_random_below(&random, NOUNS)];
    snprintf(out, 160, "%s %s %s %s%s%s", style->en, colour->en, noun->en, style->zh, colour->zh, noun->zh);
}

void sample_customer_name(const sample_plan *plan, size_t customer, char *out)
{
    mx_random random;
    mx_random_init(&random, plan->seed, mx_random_key(STREAM_NAMES, customer, 1));
    const word *first = &first_names[mx_random_below(&random, COUNT(first_names))];
    const word *last = &last_names[mx_random_below(&random, COUNT(last_names))];
    if (plan->customer[customer].country == 1)
        snprintf(out, 160, "%s%s", last->zh, first->zh);
    else
        snprintf(out, 160, "%s %s", first->en, last->en);
}

const char *sample_category_name(size_t category)
{
    return words[category].name;
}

const char *sample_brand(const sample_plan *plan, size_t product)
{
    return brands[mx_random_key(plan->seed, STREAM_NAMES, product) % COUNT(brands)];
}

const char *sample_country(size_t country)
{
    return countries[country];
}
