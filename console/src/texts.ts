// The console's words in English and Chinese, and the choice between them. What the server says (sentences, reasons, errors)
// comes in the server's English; names of answers, options and fields are put into words here where this table knows them.

import { pages } from './texts_pages';
import { sentences } from './texts_zh';

export type Language = 'en' | 'zh';

export const texts = {
  ...pages,
  title: ['merx console', 'merx 控制台'],
  skip: ['Skip to the page', '跳到正文'],
  menu: ['Pages', '页面'],
  overview: ['Overview', '概览'],
  answers: ['Answers', '问答'],
  customers: ['Customers', '顾客'],
  products: ['Products', '商品'],
  live: ['Live events', '实时事件'],
  server: ['Server', '服务器'],
  language: ['中文', 'English'],
  themeLight: ['Light', '浅色'],
  themeDark: ['Dark', '深色'],
  themeLabel: ['Colours', '配色'],
  lock: ['Forget key', '清除密钥'],
  loading: ['Asking …', '查询中……'],
  again: ['Ask again', '重新查询'],
  keyTitle: ['This server asks for a key', '服务器需要密钥'],
  keyText: [
    'A key belongs to a shop and has a role: reader, writer or admin. It stays in this tab and is forgotten when the tab is closed. "merx key create SHOP --role admin" makes one.',
    '每个密钥属于一家店铺，并有一种角色：reader、writer 或 admin。密钥只保存在当前标签页，关闭即清除。可用“merx key create SHOP --role admin”创建。',
  ],
  shopTitle: ['Which shop?', '哪家店铺？'],
  shopText: ['This server has several shops and none has a key yet: say which one by its name.', '服务器上有多家店铺，且都还没有密钥：请填写店铺名称。'],
  key: ['Key', '密钥'],
  shop: ['Shop', '店铺'],
  open: ['Open', '进入'],
  errorTitle: ['That did not work', '操作未成功'],
  errorHint: ['What helps', '建议'],
  errorWhere: ['Where', '位置'],
  errorExpected: ['expected', '应为'],
  requestId: ['Request', '请求编号'],
  unreachable: ['The server can not be reached.', '无法连接服务器。'],
  revenueByMonth: ['Net revenue by month', '每月净收入'],
  notWhole: ['not a whole month', '不完整的月份'],
  asTable: ['As a table', '以表格显示'],
  topProducts: ['Products with most revenue', '收入最高的商品'],
  topCustomers: ['Customers with most revenue', '收入最高的顾客'],
  ask: ['Ask', '查询'],
  why: ['with reasons', '附带理由'],
  needs: ['Needs', '所需数据'],
  learns: ['Learns a model; train it with', '需要训练模型，命令：'],
  learnsNot: ['Learns nothing: it is right as soon as the data is there.', '无需训练：数据就绪即可使用。'],
  chooseAnswer: ['What do you want to know?', '想了解什么？'],
  default: ['default', '默认'],
  orWord: ['or', '或'],
  unset: ['not given', '不指定'],
  yes: ['yes', '是'],
  no: ['no', '否'],
  results: ['Answer', '结果'],
  noItems: ['Nothing to show.', '没有内容。'],
  score: ['Score', '分数'],
  name: ['Name', '名称'],
  reasons: ['Why', '理由'],
  reasonsSum: ['sum of the reasons', '各理由之和'],
  addsUp: ['adds up to the score', '与分数一致'],
  addsNotUp: ['does not add up to the score', '与分数不一致'],
  others: ['{n} others', '其他 {n} 项'],
  showAll: ['Show all', '显示全部'],
  notes: ['Notes', '说明'],
  modelVersion: ['Model version', '模型版本'],
  noModel: ['none', '无'],
  dataOffset: ['Last event seen', '已计入的最后事件'],
  scoreUnit: ['Score is', '分数含义'],
  curl: ['The same from a shell', '用命令行查询'],
  copy: ['Copy', '复制'],
  copied: ['Copied', '已复制'],
  noPaths: ["Options that name a file on the server's own disk are left out here; “merx ask” has them.", '涉及服务器本机文件的选项在此省略，可用“merx ask”。'],
  customerId: ['Customer id', '顾客编号'],
  productId: ['Product id', '商品编号'],
  find: ['Find', '查找'],
  record: ['What is known', '已知信息'],
  recommendations: ['Recommendations', '推荐'],
  nextPurchase: ['What may come next', '接下来可能购买'],
  segmentTitle: ['Segment', '分群'],
  similarTitle: ['Similar products', '相似商品'],
  demandTitle: ['Demand, week by week', '每周需求'],
  whatIf: ['At the price', '假设价格'],
  units: ['expected units', '预计销量'],
  interval: ['interval', '区间'],
  eraseTitle: ['Erase this customer', '删除该顾客'],
  eraseText: [
    "Takes the customer out of records, events and models, for good; it can't be undone. Events that name the id later are refused.",
    '将该顾客从记录、事件和模型中永久删除，无法撤销。之后提及该编号的事件会被拒绝。',
  ],
  eraseOpen: ['Erase …', '删除……'],
  eraseConfirm: ['Type the id to confirm', '输入编号以确认'],
  eraseDo: ['Erase for good', '永久删除'],
  cancel: ['Cancel', '取消'],
  receipt: ['Receipt', '回执'],
  receiptText: ['Erased. Keep this receipt: nothing else of the customer is left.', '已删除。请保存此回执，该顾客的其他数据均已清除。'],
  eventTitle: ['Post a test event', '发送测试事件'],
  eventText: ['It is stored like every other event and changes the next answer: use a test shop, or ids of your own tests.', '事件会像其他事件一样被保存，并影响之后的结果：请使用测试店铺或测试编号。'],
  eventPosted: ['Stored.', '已保存。'],
  eventDuplicate: ['An event with this id was stored already; it was not counted again.', '该编号的事件已存在，未重复计入。'],
  post: ['Post event', '发送事件'],
  offset: ['Offset', '位置'],
  kind: ['Kind', '类型'],
  quantity: ['Quantity', '数量'],
  price: ['Price', '价格'],
  session: ['Session', '会话'],
  time: ['Time', '时间'],
  timeNow: ['now, when empty; e.g. 2025-12-01T10:00:00Z', '留空为当前时间；例如 2025-12-01T10:00:00Z'],
  optional: ['may be empty', '可不填'],
  required: ['needed', '必填'],
  refresh: ['Refresh', '刷新'],
  every5: ['Every 5 seconds', '每 5 秒刷新'],
  health: ['Health', '健康状态'],
  alive: ['Process', '进程'],
  version: ['Version', '版本'],
  requests: ['Requests', '请求'],
  requestsByRoute: ['Requests by route', '各路由的请求'],
  route: ['Route', '路由'],
  failed: ['Refused', '被拒'],
  mean: ['Mean', '平均'],
  median: ['Median', '中位'],
  p99: ['p99', 'p99'],
  figures: ['Figures', '指标'],
  memory: ['Resident memory', '常驻内存'],
  uptime: ['Running for', '已运行'],
  shops: ['Shops', '店铺数'],
  eventsAccepted: ['Events stored', '已保存事件'],
  eventsDuplicate: ['Events already known', '重复事件'],
  keysTitle: ['Keys', '密钥'],
  keysText: ['Every program that asks has a key of its own, so that each can be taken back alone.', '每个调用程序使用各自的密钥，便于单独撤销。'],
  notFound: ['There is no such page.', '没有这个页面。'],
} as const satisfies Record<string, readonly [string, string]>;

export type TextName = keyof typeof texts;

const LANGUAGE = 'merx.language';
function firstLanguage(): Language {
  const kept = localStorage.getItem(LANGUAGE);
  if (kept === 'en' || kept === 'zh') return kept;
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}
let current: Language = firstLanguage();

export function language(): Language {
  return current;
}
export function setLanguage(to: Language) {
  current = to;
  localStorage.setItem(LANGUAGE, to);
}
export function t(name: TextName): string {
  return texts[name][current === 'zh' ? 1 : 0];
}
export function tn(name: TextName, values: Record<string, string>): string {
  return t(name).replace(/\{(\w+)\}/g, (_, key: string) => values[key] ?? '');
}

// Words of the server's tables in Chinese; what is not here is shown as the server calls it.
const words: Record<string, string> = {
  Recommendations: '推荐', 'Next purchase': '下次购买', Segments: '分群', Demand: '需求', Insight: '经营分析',
  'Similar products': '相似商品', Pictures: '图片',
  customer: '顾客', customers: '顾客', basket: '购物篮', session: '会话', n: '条数', new_only: '仅新商品', exclude: '排除',
  items: '商品序列', history: '历史长度', kind: '类型', product: '商品', products: '商品', weeks: '周数', price: '价格',
  topic: '主题', period: '周期', from: '起始日', to: '截止日', bought: '同购权重', words: '词语权重', category: '类别',
  looks: '外观权重', sure: '把握', every_ms: '帧间隔毫秒', why: '理由', picture: '图片', clip: '视频', country: '国家', countries: '国家',
  revenue: '收入', 'net revenue': '净收入', 'net revenue of goods': '商品净收入', goods: '商品收入', sales: '销售额', returns: '退货',
  'returns share of sales': '退货占比', orders: '订单', 'mean basket': '平均客单', units: '销量', 'repeat rate': '复购率',
  share: '占比', new: '新客', value: '值', week: '周', 'expected units': '预计销量', low: '下限', high: '上限',
  elasticity: '价格弹性', 'elasticity low': '弹性下限', 'elasticity high': '弹性上限', 'elasticity from': '弹性来源',
  'orders together': '共同订单', segment: '分群', next: '相邻分群', recency_days: '距上次下单（天）', money: '消费额', basket_value: '客单价',
  recent_orders: '近期订单', returns_share: '退货占比', tenure_days: '成为顾客天数', gap_days: '平均间隔（天）', revenue_share: '收入占比',
  buys_again: '再次购买', name_zh: '中文名', change: '变化', before: '之前', after: '之后', 'units before': '之前销量',
  'units after': '之后销量', expected: '预期', z: 'z 值', probability: '概率', 'pictures learnt': '学习图片数',
  overview: '概览', cohorts: '同期群', movers: '变动因素', anomalies: '异常', day: '日', month: '月',
  purchase: '购买', view: '浏览', cart: '加购', return: '退货', id: '编号', title: '名称', brand: '品牌', image: '图片', service: '服务',
  name: '姓名', created: '创建时间', events: '事件数', first_event: '最早事件', last_event: '最近事件', attributes: '其他属性', messages: '消息',
  reviews: '评价', seconds: '用时（秒）', 'blended rank score': '综合排序分', 'log units': '销量的对数', similarity: '相似度', logit: 'logit',
  'share of customers': '顾客占比',
};

// A sentence of the server's tables: found by its English, so that a changed one is shown as it is rather than told wrong.
export function said(text: string): string {
  return current === 'zh' ? (sentences[text] ?? text) : text;
}

export function word(name: string): string {
  if (current === 'zh') {
    const month = /^month (\d+)$/.exec(name);
    return month ? `第 ${month[1]} 月` : (words[name] ?? name.replace(/_/g, ' '));
  }
  return name.replace(/_/g, ' ');
}
