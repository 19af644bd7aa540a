import { Core } from "./core.js";
import type { CallOptions, Picture, ServerEvent, Uploadable } from "./core.js";
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
    /** what the fields of each name are; an item may have its own */
    types?: Record<string, "text" | "int" | "real" | "share" | "money" | "date">;
    heat_map?: {
        type?: string;
        base64?: string;
    };
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
export interface ListedEvent {
    id: string;
    time?: string;
    kind?: "view" | "cart" | "purchase" | "return";
    customer?: string;
    product?: string;
    order?: string;
    session?: string;
    quantity?: number;
    price?: string;
    title?: string;
    country?: string;
    offset?: number;
    source?: string;
    row?: number;
}
export interface EventPage {
    items: Array<ListedEvent>;
    /** what "after" is for the following page; null: this is the last */
    next: string | null;
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
export interface ListedProduct {
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
export interface ProductPage {
    items: Array<ListedProduct>;
    /** what "after" is for the following page; null: this is the last */
    next: string | null;
}
export interface ProductPatch {
    id?: string | number | null;
    title?: string | number | null;
    category?: string | number | null;
    brand?: string | number | null;
    image?: string | number | null;
    text?: string | number | null;
    attributes?: Record<string, unknown> | null;
    price?: string | number | null;
    service?: boolean | null;
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
export interface ListedCustomer {
    id: string;
    country?: string;
    attributes?: Record<string, unknown>;
    created?: string;
    /** how many name the customer */
    events?: number;
}
export interface CustomerPage {
    items: Array<ListedCustomer>;
    /** what "after" is for the following page; null: this is the last */
    next: string | null;
}
export interface CustomerPatch {
    id?: string | number | null;
    country?: string | number | null;
    attributes?: Record<string, unknown> | null;
    created?: string | number | null;
}
export interface Message {
    /** bytes of UTF-8 are counted */
    id?: string | number;
    /** bytes of UTF-8 are counted */
    customer?: string | number;
    /** bytes of UTF-8 are counted */
    channel?: string | number;
    /** bytes of UTF-8 are counted */
    language?: string | number;
    /** bytes of UTF-8 are counted */
    text: string | number;
    /** bytes of UTF-8 are counted */
    intent?: string | number;
    /** bytes of UTF-8 are counted */
    reply?: string | number;
    /** ISO 8601 text, or seconds since 1970 */
    time?: string | number;
}
export interface ListedMessage {
    id: string;
    customer?: string;
    channel?: string;
    language?: string;
    text?: string;
    intent?: string;
    reply?: string;
    time?: string;
}
export interface MessagePage {
    items: Array<ListedMessage>;
    /** what "after" is for the following page; null: this is the last */
    next: string | null;
}
export interface MessagePatch {
    id?: string | number | null;
    customer?: string | number | null;
    channel?: string | number | null;
    language?: string | number | null;
    text?: string | number | null;
    intent?: string | number | null;
    reply?: string | number | null;
    time?: string | number | null;
}
export interface Review {
    /** bytes of UTF-8 are counted */
    id?: string | number;
    /** bytes of UTF-8 are counted */
    customer?: string | number;
    /** bytes of UTF-8 are counted */
    product?: string | number;
    /** bytes of UTF-8 are counted */
    title?: string | number;
    /** bytes of UTF-8 are counted */
    text?: string | number;
    /** ISO 8601 text, or seconds since 1970 */
    time?: string | number;
    rating?: number;
}
export interface ListedReview {
    id: string;
    customer?: string;
    product?: string;
    title?: string;
    text?: string;
    time?: string;
    rating?: number;
}
export interface ReviewPage {
    items: Array<ListedReview>;
    /** what "after" is for the following page; null: this is the last */
    next: string | null;
}
export interface ReviewPatch {
    id?: string | number | null;
    customer?: string | number | null;
    product?: string | number | null;
    title?: string | number | null;
    text?: string | number | null;
    time?: string | number | null;
    rating?: number | null;
}
export interface Order {
    /** bytes of UTF-8 are counted */
    id?: string | number;
    /** bytes of UTF-8 are counted */
    customer?: string | number;
    /** bytes of UTF-8 are counted */
    status?: string | number;
    /** bytes of UTF-8 are counted */
    country?: string | number;
    /** ISO 8601 text, or seconds since 1970 */
    time?: string | number;
}
export interface Export {
    customer: Customer;
    orders: Array<Order>;
    messages: Array<Message>;
    reviews: Array<Review>;
    events: Array<ListedEvent>;
}
export interface Replies {
    replies: Array<Reply | {
        error?: ErrorReply;
    }>;
}
export type JobAsked = {
    kind: "import";
    uploads?: Array<string>;
    options?: {
        mapping?: string;
        replace?: boolean;
        max_refused?: number;
    };
} | {
    kind: "train";
    answers?: Array<string>;
    options?: Record<string, unknown>;
    force?: boolean;
    again?: boolean;
} | {
    kind: "evaluate";
    answers?: Array<string>;
} | {
    kind: "erase";
    customers: Array<string>;
} | {
    kind: "export";
    customers?: Array<string>;
};
export interface Job {
    id: string;
    kind: "import" | "train" | "evaluate" | "erase" | "export";
    state: "waiting" | "running" | "done" | "failed" | "cancelled" | "interrupted";
    created: string;
    started: string | null;
    ended: string | null;
    progress: number | null;
    stage: string;
    left_s: number | null;
    parameters: Record<string, unknown>;
    result: Record<string, unknown> | null;
    error: {
        code: string;
        message: string;
        where: string;
        hint: string;
    } | null;
}
export interface Jobs {
    items: Array<Job>;
    next: string | null;
}
export interface Upload {
    name: string;
    bytes: number;
    sha256: string;
}
export interface Uploads {
    items: Array<{
        name: string;
        bytes: number;
        created: string;
    }>;
    next: string | null;
}
export interface Models {
    items: Array<{
        answer: string;
        title: string;
        live: number | null;
        versions: number;
        newest: number | null;
    }>;
}
export interface ModelVersions {
    answer: string;
    /** newest first */
    versions: Array<{
        version: number;
        live: boolean;
        created: string;
        data_offset: number;
        bytes: number | null;
        sha256: string;
        options: Record<string, unknown>;
        evaluation: Record<string, unknown> | null;
        curves: Array<{
            name: string;
            points: Array<Array<number>>;
        }>;
    }>;
}
export interface Comparison {
    answer: string;
    a: number;
    b: number;
    figures: Array<{
        name: string;
        a: Record<string, unknown> | null;
        b: Record<string, unknown> | null;
        difference: number | null;
        higher_is_better: boolean;
    }>;
}
export interface Deploy {
    version: number;
    /** also one that did not pass its gate */
    force?: boolean;
}
export interface Empty {
}
export interface Deployed {
    answer: string;
    live: number;
    was: number | null;
}
export interface KeyAsked {
    role: "reader" | "writer" | "admin";
    /** for whom */
    name?: string;
}
export interface Key {
    id: string;
    name: string;
    role: string;
    created: string;
    /** what clients send; shown this once */
    key: string;
}
export interface Keys {
    items: Array<{
        id: string;
        name: string;
        role: string;
        created: string;
    }>;
    next: string | null;
}
export interface Revoked {
    revoked: string;
}
export interface Settings {
    settings: Array<{
        name: string;
        value: unknown;
        default: unknown;
        text: string;
        from: "flag" | "environment" | "file" | "default";
    }>;
    shop: {
        name: string;
        offset: number;
        decimals: number;
        decimals_shown: number;
        currency: string;
        time_zone: string;
        week_start: string;
        services: string;
    };
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
export type NewEvent = Omit<ShopEvent, "id"> & {
    id?: string;
};
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
export declare class Answers {
    private readonly core;
    constructor(core: Core);
    /**
     * Products for a customer, a basket or a session: what purchases tell about others (EASE, a linear model of products), what is bought together
     * (item-to-item similarity) and what customers of like taste buy (implicit matrix factorisation), added up. Every product of the shop is ranked,
     * and each past purchase's part of the score is told.
     */
    recommend(question?: RecommendQuestion, options?: CallOptions): Promise<Reply>;
    /**
     * What may come next after a customer's purchases, a session's events or products in a given order: what followed what, near and far (transition
     * counts), and a recurrent network (GRU) that has followed every sequence, added up. Every product of the shop is ranked, and each event's part of
     * the score is told.
     */
    next(question?: NextQuestion, options?: CallOptions): Promise<Reply>;
    /**
     * Kinds of customers, by how lately, how often and for how much they buy, their baskets, returns and habits; and kinds of products, by sales,
     * price, buyers and season. Groups are found by k-means and named in plain words; a feature counts as much as it tells who buys again; a newcomer
     * is classed by his first order.
     */
    segment(question?: SegmentQuestion, options?: CallOptions): Promise<Reply>;
    /**
     * Units of each product in the weeks to come, by one regression over all products on their level, recent sales, trend and season, with an interval;
     * and how units move with the price: elasticities of products, drawn towards their category and the whole shop.
     */
    demand(question?: DemandQuestion, options?: CallOptions): Promise<Reply>;
    /**
     * What the shop's past shows: revenue, orders, baskets, customers new and returning, cohorts, best products, countries and customers, what moved
     * revenue, and days far from what was to be expected. Every sum of money is exact.
     */
    insight(question?: InsightQuestion, options?: CallOptions): Promise<Reply>;
    /**
     * Products like one product or picture: bought in the same orders, with words in common, of the same category, at a like price, with pictures
     * alike. The parts are weighed and added up, and each one's part is told. Nothing is learnt: a new product has neighbours at once.
     */
    similar(question?: SimilarQuestion, picture?: Picture, options?: CallOptions): Promise<Reply>;
    /**
     * What a picture or clip shows: the categories (or products) of the shop with their probabilities, 'not sure' when none is likely enough. A
     * convolutional network with residual blocks, trained on the pictures of the shop's own products; what each part of the picture adds to a class's
     * logit is told, and drawn as a heat map.
     */
    classify(question?: ClassifyQuestion, picture?: Picture, query?: {
        heat_map?: "inline";
    }, options?: CallOptions): Promise<Reply>;
    /**
     * Products for a customer, a basket or a session: what purchases tell about others (EASE, a linear model of products), what is bought together
     * (item-to-item similarity) and what customers of like taste buy (implicit matrix factorisation), added up. Every product of the shop is ranked,
     * and each past purchase's part of the score is told.
     */
    recommendMany(body: {
        questions?: Array<{
            customer?: string;
            basket?: string;
            session?: string;
            n?: number;
            new_only?: boolean;
            exclude?: string;
            why?: boolean;
        }>;
        why?: boolean;
    }, options?: CallOptions): Promise<Replies>;
    /**
     * What may come next after a customer's purchases, a session's events or products in a given order: what followed what, near and far (transition
     * counts), and a recurrent network (GRU) that has followed every sequence, added up. Every product of the shop is ranked, and each event's part of
     * the score is told.
     */
    nextMany(body: {
        questions?: Array<{
            customer?: string;
            session?: string;
            items?: string;
            n?: number;
            history?: number;
            new_only?: boolean;
            exclude?: string;
            why?: boolean;
        }>;
        why?: boolean;
    }, options?: CallOptions): Promise<Replies>;
    /**
     * Kinds of customers, by how lately, how often and for how much they buy, their baskets, returns and habits; and kinds of products, by sales,
     * price, buyers and season. Groups are found by k-means and named in plain words; a feature counts as much as it tells who buys again; a newcomer
     * is classed by his first order.
     */
    segmentMany(body: {
        questions?: Array<{
            kind?: "customers" | "products";
            customer?: string;
            product?: string;
            why?: boolean;
        }>;
        why?: boolean;
    }, options?: CallOptions): Promise<Replies>;
    /**
     * Units of each product in the weeks to come, by one regression over all products on their level, recent sales, trend and season, with an interval;
     * and how units move with the price: elasticities of products, drawn towards their category and the whole shop.
     */
    demandMany(body: {
        questions?: Array<{
            product?: string;
            weeks?: number;
            price?: string;
            n?: number;
            why?: boolean;
        }>;
        why?: boolean;
    }, options?: CallOptions): Promise<Replies>;
    /**
     * What the shop's past shows: revenue, orders, baskets, customers new and returning, cohorts, best products, countries and customers, what moved
     * revenue, and days far from what was to be expected. Every sum of money is exact.
     */
    insightMany(body: {
        questions?: Array<{
            topic?: "overview" | "revenue" | "products" | "countries" | "cohorts" | "movers" | "anomalies" | "customers";
            from?: string;
            to?: string;
            period?: "day" | "week" | "month";
            n?: number;
            why?: boolean;
        }>;
        why?: boolean;
    }, options?: CallOptions): Promise<Replies>;
    /**
     * Products like one product or picture: bought in the same orders, with words in common, of the same category, at a like price, with pictures
     * alike. The parts are weighed and added up, and each one's part is told. Nothing is learnt: a new product has neighbours at once.
     */
    similarMany(body: {
        questions?: Array<{
            product?: string;
            n?: number;
            exclude?: string;
            bought?: number;
            words?: number;
            category?: number;
            price?: number;
            looks?: number;
            why?: boolean;
        }>;
        why?: boolean;
    }, options?: CallOptions): Promise<Replies>;
    /**
     * What a picture or clip shows: the categories (or products) of the shop with their probabilities, 'not sure' when none is likely enough. A
     * convolutional network with residual blocks, trained on the pictures of the shop's own products; what each part of the picture adds to a class's
     * logit is told, and drawn as a heat map.
     */
    classifyMany(body: {
        questions?: Array<{
            product?: string;
            n?: number;
            sure?: number;
            every_ms?: number;
            why?: boolean;
        }>;
        why?: boolean;
    }, options?: CallOptions): Promise<Replies>;
}
/**
 * Every route of merx serve.
 */
export declare class Routes extends Core {
    readonly answers: Answers;
    /**
     * Whether the process answers.
     */
    live(options?: CallOptions): Promise<State>;
    /**
     * Whether the key's shop can be asked: its store opens, and the server is not stopping.
     * Role: reader.
     */
    ready(options?: CallOptions): Promise<State>;
    /**
     * Every answer: what it says, what data it needs, the options of a question.
     * Role: reader.
     */
    listAnswers(options?: CallOptions): Promise<Descriptions>;
    /**
     * Takes events: one, an array, or JSON lines; all of them or none. Durable when answered.
     * Role: writer.
     */
    addEvents(body: NewEvent | NewEvent[], options?: CallOptions): Promise<Counted>;
    /**
     * Events in the order they were accepted, a page at a time.
     * Role: writer.
     */
    listEvents(query?: {
        limit?: number;
        after?: string;
    }, options?: CallOptions): Promise<EventPage>;
    /**
     * The same from page to page, one by one, as far as the loop goes on.
     */
    iterateEvents(query?: {
        limit?: number;
        after?: string;
    }, options?: CallOptions): AsyncGenerator<ListedEvent, void, undefined>;
    /**
     * Products by id, a page at a time: those of the catalogue, and those that events have shown.
     * Role: reader.
     */
    listProducts(query?: {
        limit?: number;
        after?: string;
        q?: string;
    }, options?: CallOptions): Promise<ProductPage>;
    /**
     * The same from page to page, one by one, as far as the loop goes on.
     */
    iterateProducts(query?: {
        limit?: number;
        after?: string;
        q?: string;
    }, options?: CallOptions): AsyncGenerator<ListedProduct, void, undefined>;
    /**
     * Makes or replaces products: one, an array, or JSON lines; all or none.
     * Role: writer.
     */
    addProducts(body: Product | Array<Product>, options?: CallOptions): Promise<Stored>;
    /**
     * A product, as the catalogue has it or events have shown it.
     * Role: reader.
     */
    getProduct(id: string | number, options?: CallOptions): Promise<KnownProduct>;
    /**
     * Makes a product or replaces it whole.
     * Role: writer.
     */
    putProduct(id: string | number, body: Product, options?: CallOptions): Promise<Taken>;
    /**
     * Changes some fields of a product's record (JSON merge patch).
     * Role: writer.
     */
    patchProduct(id: string | number, body: ProductPatch, options?: CallOptions): Promise<Taken>;
    /**
     * Removes a product's record; its events stay.
     * Role: writer.
     */
    deleteProduct(id: string | number, options?: CallOptions): Promise<Taken>;
    /**
     * The first picture of a product, as imported or smaller.
     * Role: reader.
     */
    getPicture(id: string | number, query?: {
        size?: number;
    }, options?: CallOptions): Promise<Response>;
    /**
     * Customers by id, a page at a time: those with a record, and those that events name.
     * Role: writer.
     */
    listCustomers(query?: {
        limit?: number;
        after?: string;
    }, options?: CallOptions): Promise<CustomerPage>;
    /**
     * The same from page to page, one by one, as far as the loop goes on.
     */
    iterateCustomers(query?: {
        limit?: number;
        after?: string;
    }, options?: CallOptions): AsyncGenerator<ListedCustomer, void, undefined>;
    /**
     * Makes or replaces customers' records: one, an array, or JSON lines; all or none.
     * Role: writer.
     */
    addCustomers(body: Customer | Array<Customer>, options?: CallOptions): Promise<Stored>;
    /**
     * A customer's record, and how many events name him.
     * Role: writer.
     */
    getCustomer(id: string | number, options?: CallOptions): Promise<KnownCustomer>;
    /**
     * Makes a customer's record or replaces it whole.
     * Role: writer.
     */
    putCustomer(id: string | number, body: Customer, options?: CallOptions): Promise<Taken>;
    /**
     * Changes some fields of a customer's record (JSON merge patch).
     * Role: writer.
     */
    patchCustomer(id: string | number, body: CustomerPatch, options?: CallOptions): Promise<Taken>;
    /**
     * Erases a customer from rows, snapshots and models, with a receipt.
     * Role: writer.
     */
    eraseCustomer(id: string | number, options?: CallOptions): Promise<Receipt>;
    /**
     * All that is stored of a customer: what erasing him would remove.
     * Role: writer.
     */
    exportCustomer(id: string | number, options?: CallOptions): Promise<Export>;
    /**
     * Messages by id, a page at a time.
     * Role: writer.
     */
    listMessages(query?: {
        limit?: number;
        after?: string;
    }, options?: CallOptions): Promise<MessagePage>;
    /**
     * The same from page to page, one by one, as far as the loop goes on.
     */
    iterateMessages(query?: {
        limit?: number;
        after?: string;
    }, options?: CallOptions): AsyncGenerator<ListedMessage, void, undefined>;
    /**
     * Makes or replaces messages: one, an array, or JSON lines; all or none.
     * Role: writer.
     */
    addMessages(body: Message | Array<Message>, options?: CallOptions): Promise<Stored>;
    /**
     * A message.
     * Role: writer.
     */
    getMessage(id: string | number, options?: CallOptions): Promise<KnownMessage>;
    /**
     * Makes a message or replaces it whole.
     * Role: writer.
     */
    putMessage(id: string | number, body: Message, options?: CallOptions): Promise<Taken>;
    /**
     * Changes some fields of a message (JSON merge patch).
     * Role: writer.
     */
    patchMessage(id: string | number, body: MessagePatch, options?: CallOptions): Promise<Taken>;
    /**
     * Removes a message.
     * Role: writer.
     */
    deleteMessage(id: string | number, options?: CallOptions): Promise<Taken>;
    /**
     * Reviews by id, a page at a time.
     * Role: reader.
     */
    listReviews(query?: {
        limit?: number;
        after?: string;
    }, options?: CallOptions): Promise<ReviewPage>;
    /**
     * The same from page to page, one by one, as far as the loop goes on.
     */
    iterateReviews(query?: {
        limit?: number;
        after?: string;
    }, options?: CallOptions): AsyncGenerator<ListedReview, void, undefined>;
    /**
     * Makes or replaces reviews: one, an array, or JSON lines; all or none.
     * Role: writer.
     */
    addReviews(body: Review | Array<Review>, options?: CallOptions): Promise<Stored>;
    /**
     * A review.
     * Role: reader.
     */
    getReview(id: string | number, options?: CallOptions): Promise<KnownReview>;
    /**
     * Makes a review or replaces it whole.
     * Role: writer.
     */
    putReview(id: string | number, body: Review, options?: CallOptions): Promise<Taken>;
    /**
     * Changes some fields of a review (JSON merge patch).
     * Role: writer.
     */
    patchReview(id: string | number, body: ReviewPatch, options?: CallOptions): Promise<Taken>;
    /**
     * Removes a review.
     * Role: writer.
     */
    deleteReview(id: string | number, options?: CallOptions): Promise<Taken>;
    /**
     * Takes a file's bytes, to be imported by a job; in place of an older one of that name.
     * Role: admin.
     */
    putUpload(name: string | number, body: Uploadable, options?: CallOptions): Promise<Upload>;
    /**
     * Removes an uploaded file.
     * Role: admin.
     */
    deleteUpload(name: string | number, options?: CallOptions): Promise<Removed>;
    /**
     * The files that were sent and are there still.
     * Role: admin.
     */
    listUploads(options?: CallOptions): Promise<Uploads>;
    /**
     * Begins long work: import, train, evaluate, erase, export.
     * Role: admin.
     */
    startJob(body: JobAsked, options?: CallOptions): Promise<Job>;
    /**
     * The jobs of the shop, newest first.
     * Role: admin.
     */
    listJobs(query?: {
        limit?: number;
        after?: string;
    }, options?: CallOptions): Promise<Jobs>;
    /**
     * The same from page to page, one by one, as far as the loop goes on.
     */
    iterateJobs(query?: {
        limit?: number;
        after?: string;
    }, options?: CallOptions): AsyncGenerator<Job, void, undefined>;
    /**
     * A job: its state, progress, result.
     * Role: admin.
     */
    getJob(id: string | number, options?: CallOptions): Promise<Job>;
    /**
     * Cancels a job that waits or runs.
     * Role: admin.
     */
    cancelJob(id: string | number, options?: CallOptions): Promise<Job>;
    /**
     * What a job has said, a line each.
     * Role: admin.
     */
    getJobLog(id: string | number, options?: CallOptions): Promise<string>;
    /**
     * A job as it goes on, as server-sent events: job, log, and end as the last.
     * Role: admin.
     */
    streamJob(id: string | number, options?: CallOptions): AsyncGenerator<ServerEvent, void, undefined>;
    /**
     * What an export made, as JSON lines.
     * Role: admin.
     */
    getJobFile(id: string | number, options?: CallOptions): Promise<Response>;
    /**
     * Every answer that learns, and which version of its model is live.
     * Role: reader.
     */
    listModels(options?: CallOptions): Promise<Models>;
    /**
     * The versions of an answer's model with their figures.
     * Role: reader.
     */
    getModel(answer: string | number, options?: CallOptions): Promise<ModelVersions>;
    /**
     * The figures of two versions side by side.
     * Role: reader.
     */
    compareModels(answer: string | number, query: {
        a: number;
        b: number;
    }, options?: CallOptions): Promise<Comparison>;
    /**
     * Makes a version live; one that did not pass its gate only with force.
     * Role: admin.
     */
    deployModel(answer: string | number, body: Deploy, options?: CallOptions): Promise<Deployed>;
    /**
     * Makes the version live that was so before.
     * Role: admin.
     */
    rollbackModel(answer: string | number, body: Empty, options?: CallOptions): Promise<Deployed>;
    /**
     * The file of a version (safetensors).
     * Role: admin.
     */
    getModelFile(answer: string | number, version: string | number, options?: CallOptions): Promise<Response>;
    /**
     * The keys of the shop, without their secrets.
     * Role: admin.
     */
    listKeys(options?: CallOptions): Promise<Keys>;
    /**
     * Makes a key; it is shown in this reply alone.
     * Role: admin.
     */
    createKey(body: KeyAsked, options?: CallOptions): Promise<Key>;
    /**
     * Revokes a key.
     * Role: admin.
     */
    revokeKey(id: string | number, options?: CallOptions): Promise<Revoked>;
    /**
     * The settings of the server and of the shop.
     * Role: admin.
     */
    getSettings(options?: CallOptions): Promise<Settings>;
    /**
     * Events as they are accepted, as server-sent events.
     * Role: writer.
     */
    streamEvents(query?: {
        after?: number;
    }, options?: CallOptions): AsyncGenerator<ServerEvent, void, undefined>;
    /**
     * This description, as OpenAPI 3.1.
     * Role: reader.
     */
    openapi(options?: CallOptions): Promise<unknown>;
    /**
     * Counters and times of the key's shop, as Prometheus text.
     * Role: admin.
     */
    metrics(options?: CallOptions): Promise<string>;
}
