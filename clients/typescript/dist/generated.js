// Written by merx_clients from api/openapi.json; not to be changed by hand: tools/make_clients writes it.
import { Core, part, withIds } from "./core.js";
/**
 * What a shop asks.
 */
export class Answers {
    core;
    constructor(core) {
        this.core = core;
    }
    /**
     * Products for a customer, a basket or a session: what purchases tell about others (EASE, a linear model of products), what is bought together
     * (item-to-item similarity) and what customers of like taste buy (implicit matrix factorisation), added up. Every product of the shop is ranked,
     * and each past purchase's part of the score is told.
     */
    recommend(question = {}, options) {
        return this.core.json("POST", "/v1/answers/recommend", { repeatable: true, body: question }, options);
    }
    /**
     * What may come next after a customer's purchases, a session's events or products in a given order: what followed what, near and far (transition
     * counts), and a recurrent network (GRU) that has followed every sequence, added up. Every product of the shop is ranked, and each event's part of
     * the score is told.
     */
    next(question = {}, options) {
        return this.core.json("POST", "/v1/answers/next", { repeatable: true, body: question }, options);
    }
    /**
     * Kinds of customers, by how lately, how often and for how much they buy, their baskets, returns and habits; and kinds of products, by sales,
     * price, buyers and season. Groups are found by k-means and named in plain words; a feature counts as much as it tells who buys again; a newcomer
     * is classed by his first order.
     */
    segment(question = {}, options) {
        return this.core.json("POST", "/v1/answers/segment", { repeatable: true, body: question }, options);
    }
    /**
     * Units of each product in the weeks to come, by one regression over all products on their level, recent sales, trend and season, with an interval;
     * and how units move with the price: elasticities of products, drawn towards their category and the whole shop.
     */
    demand(question = {}, options) {
        return this.core.json("POST", "/v1/answers/demand", { repeatable: true, body: question }, options);
    }
    /**
     * What the shop's past shows: revenue, orders, baskets, customers new and returning, cohorts, best products, countries and customers, what moved
     * revenue, and days far from what was to be expected. Every sum of money is exact.
     */
    insight(question = {}, options) {
        return this.core.json("POST", "/v1/answers/insight", { repeatable: true, body: question }, options);
    }
    /**
     * Products like one product or picture: bought in the same orders, with words in common, of the same category, at a like price, with pictures
     * alike. The parts are weighed and added up, and each one's part is told. Nothing is learnt: a new product has neighbours at once.
     */
    similar(question = {}, options) {
        return this.core.json("POST", "/v1/answers/similar", { repeatable: true, body: question }, options);
    }
    /**
     * What a picture or clip shows: the categories (or products) of the shop with their probabilities, 'not sure' when none is likely enough. A
     * convolutional network with residual blocks, trained on the pictures of the shop's own products; what each part of the picture adds to a class's
     * logit is told, and drawn as a heat map.
     */
    classify(question = {}, options) {
        return this.core.json("POST", "/v1/answers/classify", { repeatable: true, body: question }, options);
    }
}
/**
 * Every route of merx serve.
 */
export class Routes extends Core {
    answers = new Answers(this);
    /**
     * Whether the process answers.
     */
    live(options) {
        return this.json("GET", "/v1/health/live", { repeatable: true }, options);
    }
    /**
     * Whether the key's shop can be asked: its store opens, and the server is not stopping.
     * Role: reader.
     */
    ready(options) {
        return this.json("GET", "/v1/health/ready", { repeatable: true }, options);
    }
    /**
     * Every answer: what it says, what data it needs, the options of a question.
     * Role: reader.
     */
    listAnswers(options) {
        return this.json("GET", "/v1/answers", { repeatable: true }, options);
    }
    /**
     * Takes events: one, an array, or JSON lines; all of them or none. Durable when answered.
     * Role: writer.
     */
    addEvents(body, options) {
        return this.json("POST", "/v1/events", { repeatable: true, body: withIds(body) }, options);
    }
    /**
     * A product, as the catalogue has it or events have shown it.
     * Role: reader.
     */
    getProduct(id, options) {
        return this.json("GET", `/v1/products/${part(id)}`, { repeatable: true }, options);
    }
    /**
     * Makes a product or replaces it whole.
     * Role: writer.
     */
    putProduct(id, body, options) {
        return this.json("PUT", `/v1/products/${part(id)}`, { repeatable: true, body }, options);
    }
    /**
     * Removes a product's record; its events stay.
     * Role: writer.
     */
    deleteProduct(id, options) {
        return this.json("DELETE", `/v1/products/${part(id)}`, { repeatable: true }, options);
    }
    /**
     * A customer's record, and how many events name him.
     * Role: writer.
     */
    getCustomer(id, options) {
        return this.json("GET", `/v1/customers/${part(id)}`, { repeatable: true }, options);
    }
    /**
     * Makes a customer's record or replaces it whole.
     * Role: writer.
     */
    putCustomer(id, body, options) {
        return this.json("PUT", `/v1/customers/${part(id)}`, { repeatable: true, body }, options);
    }
    /**
     * Erases a customer from rows, snapshots and models, with a receipt.
     * Role: writer.
     */
    eraseCustomer(id, options) {
        return this.json("DELETE", `/v1/customers/${part(id)}`, { repeatable: true }, options);
    }
    /**
     * This description, as OpenAPI 3.1.
     * Role: reader.
     */
    openapi(options) {
        return this.json("GET", "/v1/openapi.json", { repeatable: true }, options);
    }
    /**
     * Counters and times of the key's shop, as Prometheus text.
     * Role: admin.
     */
    metrics(options) {
        return this.text("GET", "/metrics", { repeatable: true }, options);
    }
}
