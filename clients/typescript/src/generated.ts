// Written by merx_clients from api/openapi.json; not to be changed by hand: tools/make_clients writes it.
import { Core, part, withIds } from "./core.js";
import type { CallOptions } from "./core.js";

export interface ErrorReply {
  /** one word: bad_request, not_found, conflict and so on */
  code: string;
  /** what was wrong */
  message: string;
  /** the option, field or place; may be empty */
  where: string;
  /** what would be right */
  hint: string;
  /** the same as the header X-Request-Id */
  request_id: string;
  errors?: Array<RowError>;
}

export interface Reply {
  answer: string;
  /** the answer in words */
  sentence: string;
  score_unit: string;
  /** the model it came from; 0: it needs none */
  model_version: number;
  /** the last event it has seen */
  data_offset: number;
  items: Array<Item>;
  notes: Array<string>;
}

export interface ShopEvent {
  /** bytes of UTF-8 are counted */
  id: string | number;
  /** ISO 8601 text, or seconds since 1970 */
  time?: string | number;
  kind: "view" | "cart" | "purchase" | "return";
  /** bytes of UTF-8 are counted */
  customer?: string | number;
  /** bytes of UTF-8 are counted */
  product: string | number;
  /** bytes of UTF-8 are counted */
  order?: string | number;
  /** bytes of UTF-8 are counted */
  session?: string | number;
  quantity?: number;
  /** a decimal amount, such as 12.50 */
  price?: string | number;
  /** bytes of UTF-8 are counted */
  title?: string | number;
  /** bytes of UTF-8 are counted */
  country?: string | number;
}

export interface Product {
  /** bytes of UTF-8 are counted */
  id?: string | number;
  /** bytes of UTF-8 are counted */
  title?: string | number;
  /** bytes of UTF-8 are counted */
  category?: string | number;
  /** bytes of UTF-8 are counted */
  brand?: string | number;
  /** bytes of UTF-8 are counted */
  image?: string | number;
  /** bytes of UTF-8 are counted */
  text?: string | number;
  attributes?: Record<string, unknown>;
  /** a decimal amount, such as 12.50 */
  price?: string | number;
  service?: boolean;
}

export interface Customer {
  /** bytes of UTF-8 are counted */
  id?: string | number;
  /** bytes of UTF-8 are counted */
  country?: string | number;
  attributes?: Record<string, unknown>;
  /** ISO 8601 text, or seconds since 1970 */
  created?: string | number;
}

export interface RowError {
  /** which one of the request, from 0 */
  index: number;
  field: string;
  value: string | null;
  expected: string;
}

export interface Item {
  id: string;
  title: string;
  score: number | null;
  /** money and dates are texts */
  fields: Record<string, string | number | null>;
  /** with why: their contributions add up to the score */
  reasons?: Array<Reason>;
}

export interface Reason {
  kind: string;
  id: string;
  text: string;
  /** its part of the score */
  contribution: number | null;
  /** the score computed again without this evidence */
  without: number | null;
}

export interface Descriptions {
  version: string;
  answers: Array<AnswerDescription>;
}

export interface AnswerDescription {
  name: string;
  title: string;
  text: string;
  needs: string;
  learns: boolean;
  question: Array<Record<string, unknown>>;
}

export interface Taken {
  id: string;
  /** of the shop's last event */
  offset: number;
}

export interface Counted {
  accepted: number;
  /** events whose ids were there already */
  duplicates: number;
  /** of the shop's last event */
  offset: number;
}

export interface Stored {
  /** how many */
  stored: number;
  /** of the shop's last event */
  offset: number;
}

export interface Removed {
  removed: string;
}

export interface State {
  status: string;
  version?: string;
  shop?: string;
  /** of the shop's last event */
  offset?: number;
}

export interface Receipt {
  customer: string;
  events: number;
  orders: number;
  messages: number;
  reviews: number;
  customers: number;
  /** what each answer did with its model */
  answers: Record<string, string>;
  seconds: number;
}

export interface KnownProduct {
  id: string;
  title?: string;
  category?: string;
  brand?: string;
  image?: string;
  text?: string;
  attributes?: Record<string, unknown>;
  price?: string;
  service?: boolean;
}

export interface KnownCustomer {
  id: string;
  country?: string;
  attributes?: Record<string, unknown>;
  created?: string;
  /** how many events name the customer */
  events?: number;
  /** ISO 8601 */
  first_event?: string;
  /** ISO 8601 */
  last_event?: string;
}

export interface KnownMessage {
  id: string;
  customer?: string;
  channel?: string;
  language?: string;
  text?: string;
  intent?: string;
  reply?: string;
  time?: string;
}

export interface KnownReview {
  id: string;
  customer?: string;
  product?: string;
  title?: string;
  text?: string;
  time?: string;
  rating?: number;
}

/**
 * An event to be taken: without an id, the client makes one, so that it may be sent again.
 */
export type NewEvent = Omit<ShopEvent, "id"> & { id?: string };

/**
 * Recommendations
 */
export interface RecommendQuestion {
  /** Id of a customer: products for him, by what he bought. */
  customer?: string;
  /** Ids of products, separated by commas: what goes with them. */
  basket?: string;
  /** Id of a session: what goes with what was looked at, put into the cart or bought in it. */
  session?: string;
  /** How many products. Default 10. */
  n?: number;
  /** Leave out what the customer has bought and what was given. Default true. */
  new_only?: boolean;
  /** Ids of products to leave out, separated by commas. */
  exclude?: string;
  /** with the reasons: contributions that add up to each score */
  why?: boolean;
}

/**
 * Next purchase
 */
export interface NextQuestion {
  /** Id of a customer: what may follow what he bought. */
  customer?: string;
  /** Id of a session: what may follow what was looked at, put into the cart or bought in it. */
  session?: string;
  /** Ids of products in the order they came, separated by commas: what may follow them. */
  items?: string;
  /** How many products. Default 10. */
  n?: number;
  /** How many events, the last ones, are looked at. Default 100. */
  history?: number;
  /** Leave out what is in the history. Default true. */
  new_only?: boolean;
  /** Ids of products to leave out, separated by commas. */
  exclude?: string;
  /** with the reasons: contributions that add up to each score */
  why?: boolean;
}

/**
 * Segments
 */
export interface SegmentQuestion {
  /** Which segments to list. Default customers. */
  kind?: "customers" | "products";
  /** Id of a customer: his segment and why. */
  customer?: string;
  /** Id of a product: its group and why. */
  product?: string;
  /** with the reasons: contributions that add up to each score */
  why?: boolean;
}

/**
 * Demand
 */
export interface DemandQuestion {
  /** Id of a product; without it the products with most expected units. */
  product?: string;
  /** Weeks to forecast for a product, from the first that is not over. Default 4. */
  weeks?: number;
  /** What if it had this price, e.g. 2.95 (with product). */
  price?: string;
  /** Products to show when no product is given. Default 10. */
  n?: number;
  /** with the reasons: contributions that add up to each score */
  why?: boolean;
}

/**
 * Insight
 */
export interface InsightQuestion {
  /** What to show. Default overview. */
  topic?: "overview" | "revenue" | "products" | "countries" | "cohorts" | "movers" | "anomalies" | "customers";
  /** First day, e.g. 2011-11-01; without it the first day of the data. */
  from?: string;
  /** Last day, e.g. 2011-11-30; without it the last day of the data. */
  to?: string;
  /** Of revenue and movers; anomalies are of days, or of weeks when asked for. Default month. */
  period?: "day" | "week" | "month";
  /** How many products, countries, movers, anomalies …; the last n periods of revenue. Default 12. */
  n?: number;
  /** with the reasons: contributions that add up to each score */
  why?: boolean;
}

/**
 * Similar products
 */
export interface SimilarQuestion {
  /** Id of the product; without one: the one most often sold. */
  product?: string;
  /** How many products. Default 10. */
  n?: number;
  /** Ids of products to leave out, separated by commas. */
  exclude?: string;
  /** What being bought together counts. Default 1. */
  bought?: number;
  /** What words that titles share count. Default 1. */
  words?: number;
  /** What being of one category counts. Default 0.3. */
  category?: number;
  /** What a like price counts. Default 0.1. */
  price?: number;
  /** What pictures that are alike count. Default 0.5. */
  looks?: number;
  /** with the reasons: contributions that add up to each score */
  why?: boolean;
}

/**
 * Pictures
 */
export interface ClassifyQuestion {
  /** Id of a product: its own first picture. */
  product?: string;
  /** How many classes of a picture. Default 3. */
  n?: number;
  /** The least probability to be sure. Default 0.5. */
  sure?: number;
  /** Of a clip: milliseconds between frames; 0: every frame. Default 1000. */
  every_ms?: number;
  /** with the reasons: contributions that add up to each score */
  why?: boolean;
}

/**
 * What a shop asks.
 */
export class Answers {
  constructor(private readonly core: Core) {}

  /**
   * Products for a customer, a basket or a session: what purchases tell about others (EASE, a linear model of products), what is bought together
   * (item-to-item similarity) and what customers of like taste buy (implicit matrix factorisation), added up. Every product of the shop is ranked,
   * and each past purchase's part of the score is told.
   */
  recommend(question: RecommendQuestion = {}, options?: CallOptions): Promise<Reply> {
    return this.core.json("POST", "/v1/answers/recommend", { repeatable: true, body: question }, options);
  }

  /**
   * What may come next after a customer's purchases, a session's events or products in a given order: what followed what, near and far (transition
   * counts), and a recurrent network (GRU) that has followed every sequence, added up. Every product of the shop is ranked, and each event's part of
   * the score is told.
   */
  next(question: NextQuestion = {}, options?: CallOptions): Promise<Reply> {
    return this.core.json("POST", "/v1/answers/next", { repeatable: true, body: question }, options);
  }

  /**
   * Kinds of customers, by how lately, how often and for how much they buy, their baskets, returns and habits; and kinds of products, by sales,
   * price, buyers and season. Groups are found by k-means and named in plain words; a feature counts as much as it tells who buys again; a newcomer
   * is classed by his first order.
   */
  segment(question: SegmentQuestion = {}, options?: CallOptions): Promise<Reply> {
    return this.core.json("POST", "/v1/answers/segment", { repeatable: true, body: question }, options);
  }

  /**
   * Units of each product in the weeks to come, by one regression over all products on their level, recent sales, trend and season, with an interval;
   * and how units move with the price: elasticities of products, drawn towards their category and the whole shop.
   */
  demand(question: DemandQuestion = {}, options?: CallOptions): Promise<Reply> {
    return this.core.json("POST", "/v1/answers/demand", { repeatable: true, body: question }, options);
  }

  /**
   * What the shop's past shows: revenue, orders, baskets, customers new and returning, cohorts, best products, countries and customers, what moved
   * revenue, and days far from what was to be expected. Every sum of money is exact.
   */
  insight(question: InsightQuestion = {}, options?: CallOptions): Promise<Reply> {
    return this.core.json("POST", "/v1/answers/insight", { repeatable: true, body: question }, options);
  }

  /**
   * Products like one product or picture: bought in the same orders, with words in common, of the same category, at a like price, with pictures
   * alike. The parts are weighed and added up, and each one's part is told. Nothing is learnt: a new product has neighbours at once.
   */
  similar(question: SimilarQuestion = {}, options?: CallOptions): Promise<Reply> {
    return this.core.json("POST", "/v1/answers/similar", { repeatable: true, body: question }, options);
  }

  /**
   * What a picture or clip shows: the categories (or products) of the shop with their probabilities, 'not sure' when none is likely enough. A
   * convolutional network with residual blocks, trained on the pictures of the shop's own products; what each part of the picture adds to a class's
   * logit is told, and drawn as a heat map.
   */
  classify(question: ClassifyQuestion = {}, options?: CallOptions): Promise<Reply> {
    return this.core.json("POST", "/v1/answers/classify", { repeatable: true, body: question }, options);
  }
}

/**
 * Every route of merx serve.
 */
export class Routes extends Core {
  readonly answers = new Answers(this);

  /**
   * Whether the process answers.
   */
  live(options?: CallOptions): Promise<State> {
    return this.json("GET", "/v1/health/live", { repeatable: true }, options);
  }

  /**
   * Whether the key's shop can be asked: its store opens, and the server is not stopping.
   * Role: reader.
   */
  ready(options?: CallOptions): Promise<State> {
    return this.json("GET", "/v1/health/ready", { repeatable: true }, options);
  }

  /**
   * Every answer: what it says, what data it needs, the options of a question.
   * Role: reader.
   */
  listAnswers(options?: CallOptions): Promise<Descriptions> {
    return this.json("GET", "/v1/answers", { repeatable: true }, options);
  }

  /**
   * Takes events: one, an array, or JSON lines; all of them or none. Durable when answered.
   * Role: writer.
   */
  addEvents(body: NewEvent | NewEvent[], options?: CallOptions): Promise<Counted> {
    return this.json("POST", "/v1/events", { repeatable: true, body: withIds(body) }, options);
  }

  /**
   * A product, as the catalogue has it or events have shown it.
   * Role: reader.
   */
  getProduct(id: string | number, options?: CallOptions): Promise<KnownProduct> {
    return this.json("GET", `/v1/products/${part(id)}`, { repeatable: true }, options);
  }

  /**
   * Makes a product or replaces it whole.
   * Role: writer.
   */
  putProduct(id: string | number, body: Product, options?: CallOptions): Promise<Taken> {
    return this.json("PUT", `/v1/products/${part(id)}`, { repeatable: true, body }, options);
  }

  /**
   * Removes a product's record; its events stay.
   * Role: writer.
   */
  deleteProduct(id: string | number, options?: CallOptions): Promise<Taken> {
    return this.json("DELETE", `/v1/products/${part(id)}`, { repeatable: true }, options);
  }

  /**
   * A customer's record, and how many events name him.
   * Role: writer.
   */
  getCustomer(id: string | number, options?: CallOptions): Promise<KnownCustomer> {
    return this.json("GET", `/v1/customers/${part(id)}`, { repeatable: true }, options);
  }

  /**
   * Makes a customer's record or replaces it whole.
   * Role: writer.
   */
  putCustomer(id: string | number, body: Customer, options?: CallOptions): Promise<Taken> {
    return this.json("PUT", `/v1/customers/${part(id)}`, { repeatable: true, body }, options);
  }

  /**
   * Erases a customer from rows, snapshots and models, with a receipt.
   * Role: writer.
   */
  eraseCustomer(id: string | number, options?: CallOptions): Promise<Receipt> {
    return this.json("DELETE", `/v1/customers/${part(id)}`, { repeatable: true }, options);
  }

  /**
   * This description, as OpenAPI 3.1.
   * Role: reader.
   */
  openapi(options?: CallOptions): Promise<unknown> {
    return this.json("GET", "/v1/openapi.json", { repeatable: true }, options);
  }

  /**
   * Counters and times of the key's shop, as Prometheus text.
   * Role: admin.
   */
  metrics(options?: CallOptions): Promise<string> {
    return this.text("GET", "/metrics", { repeatable: true }, options);
  }
}
