// The storefront's words in English and Chinese. {x} is put in by say().
export const words = {
  title: ['The demo shop', '示例商店'],
  skip: ['Skip to the products', '跳到商品'],
  lead: ['A shop that learns while you look.', '边逛边学的商店。'],
  leadText: [
    'Click about: each click is an event to merx, and what it recommends changes at once. Every recommendation says why.',
    '随意点击：每次点击都会作为事件发送给 merx，推荐随即变化。每条推荐都附有理由。',
  ],
  search: ['Search products', '搜索商品'],
  find: ['Search', '搜索'],
  basket: ['Basket', '购物篮'],
  basketOf: ['Basket, {n} items', '购物篮，{n} 件'],
  console: ['Console', '控制台'],
  language: ['中文', 'English'],
  toLight: ['Light', '浅色'],
  toDark: ['Dark', '深色'],
  colours: ['Colours', '配色'],
  best: ['Best sellers', '热销商品'],
  forYou: ['For you', '为你推荐'],
  forYouText: ['From what you looked at, put into the basket and bought.', '根据你的浏览、加购和购买。'],
  next: ['You may want next', '接下来可能想要'],
  all: ['All products', '全部商品'],
  found: ['“{q}”', '“{q}”'],
  nothing: ['Nothing is called “{q}”. Try one word of the name.', '没有找到“{q}”。可尝试名称中的一个词。'],
  more: ['Show more', '显示更多'],
  noProducts: ['This shop has no products yet. Import some in the console.', '店铺还没有商品，请在控制台导入。'],
  goesWith: ['Goes with this', '适合搭配'],
  goesWithBasket: ['Goes with your basket', '与购物篮搭配'],
  similar: ['Similar', '相似商品'],
  add: ['Add to basket', '加入购物篮'],
  added: ['In the basket', '已加入'],
  addOne: ['Add {name} to the basket', '将 {name} 加入购物篮'],
  back: ['All products', '全部商品'],
  buy: ['Buy', '购买'],
  total: ['Total', '合计'],
  quantity: ['Quantity of {name}', '{name} 的数量'],
  remove: ['Remove', '移除'],
  removeOne: ['Remove {name}', '移除 {name}'],
  emptyBasket: ['Your basket is empty.', '购物篮是空的。'],
  thanks: ['Thank you.', '谢谢。'],
  thanksText: ['Order {order}. Nothing was charged and nothing will be sent: this is a demonstration. merx knows of it already.', '订单 {order}。这是演示，不会扣款或发货。merx 已得知此订单。'],
  goOn: ['Look on', '继续逛'],
  why: ['Why?', '理由'],
  whyOf: ['Why? {name}', '理由：{name}'],
  sum: ['Together that makes its score, {score}.', '合计即为其分数 {score}。'],
  others: ['{n} other reasons', '其他 {n} 条理由'],
  saw: ['What merx saw', 'merx 看到了什么'],
  sawText: ['Events this page sent and answers it asked for, the newest first, with the time each took.', '本页发送的事件和查询的答案，最新在前，附耗时。'],
  sawNothing: ['Nothing yet: open a product.', '暂无：请打开一件商品。'],
  close: ['Close', '关闭'],
  event: ['event', '事件'],
  answer: ['answer', '答案'],
  stored: ['stored as no. {n}', '存为第 {n} 号'],
  seen: ['has seen no. {n}', '已计入第 {n} 号'],
  underWay: ['under way', '进行中'],
  session: ['Your session', '你的会话'],
  newVisitor: ['Begin as a new visitor', '以新访客身份开始'],
  readOnly: [
    'This key may only read, so nothing you click is sent. Recommendations follow your clicks all the same: they are asked for with the products themselves.',
    '当前密钥为只读，点击不会发送事件。推荐仍会随点击变化：查询时直接给出商品。',
  ],
  doorTitle: ['This shop asks for a key', '店铺需要密钥'],
  doorText: ['A writer key, so that what you click counts; a reader key to look about. It stays in this tab.', '使用 writer 密钥，点击会被计入；使用 reader 密钥只能浏览。密钥只保存在当前标签页。'],
  doorShop: ['Which shop?', '哪家店铺？'],
  doorShopText: ['This server has several and none has a key: say which one.', '服务器上有多家店铺且都没有密钥：请填写名称。'],
  key: ['Key', '密钥'],
  shop: ['Shop', '店铺'],
  open: ['Open', '进入'],
  forget: ['Forget key', '清除密钥'],
  failed: ['That did not work.', '操作未成功。'],
  again: ['Try again', '重试'],
  unreachable: ['The server can not be reached.', '无法连接服务器。'],
  noModel: ['merx has not learnt this yet: train it in the console.', 'merx 尚未学习此项：请在控制台训练。'],
  notFound: ['There is no such product.', '没有这个商品。'],
  becauseViewed: ['because you looked at {name}', '因为你看过 {name}'],
  becauseCart: ['because you put {name} into the basket', '因为你加购了 {name}'],
  becauseBought: ['because you bought {name}', '因为你买过 {name}'],
  becauseGoes: ['goes with {name}', '与 {name} 搭配'],
  becausePopular: ['liked by {n} customers', '{n} 位顾客购买过'],
  becauseTogether: ['bought together in {n} orders', '{n} 个订单一起购买'],
  becauseWords: ['also “{words}”', '名称同为“{words}”'],
  becauseCategory: ['also of {category}', '同属 {category}'],
  becausePrice: ['costs about as much', '价格相近'],
  becauseLooks: ['looks alike', '外观相似'],
} as const satisfies Record<string, readonly [string, string]>;

export type Word = keyof typeof words;
export type Language = 'en' | 'zh';

const LANGUAGE = 'merx.language'; // the console's too
let language: Language = (() => {
  const kept = localStorage.getItem(LANGUAGE);
  if (kept === 'en' || kept === 'zh') return kept;
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
})();
export function spoken(): Language {
  return language;
}
export function speak(to: Language) {
  language = to;
  localStorage.setItem(LANGUAGE, to);
}
export function say(word: Word, values: Record<string, string> = {}): string {
  return words[word][language === 'zh' ? 1 : 0].replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '');
}
