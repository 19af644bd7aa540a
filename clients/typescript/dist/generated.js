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
    similar(question = {}, picture, options) {
        if (picture)
            return this.core.picture("/v1/answers/similar", question, picture, options);
        return this.core.json("POST", "/v1/answers/similar", { repeatable: true, body: question }, options);
    }
    /**
     * What a picture or clip shows: the categories (or products) of the shop with their probabilities, 'not sure' when none is likely enough. A
     * convolutional network with residual blocks, trained on the pictures of the shop's own products; what each part of the picture adds to a class's
     * logit is told, and drawn as a heat map.
     */
    classify(question = {}, picture, query = {}, options) {
        if (picture)
            return this.core.picture("/v1/answers/classify", { ...question, ...query }, picture, options);
        return this.core.json("POST", "/v1/answers/classify", { repeatable: true, body: question, query }, options);
    }
    /**
     * Products for a customer, a basket or a session: what purchases tell about others (EASE, a linear model of products), what is bought together
     * (item-to-item similarity) and what customers of like taste buy (implicit matrix factorisation), added up. Every product of the shop is ranked,
     * and each past purchase's part of the score is told.
     */
    recommendMany(body, options) {
        return this.core.json("POST", "/v1/answers/recommend/batch", { repeatable: true, body }, options);
    }
    /**
     * What may come next after a customer's purchases, a session's events or products in a given order: what followed what, near and far (transition
     * counts), and a recurrent network (GRU) that has followed every sequence, added up. Every product of the shop is ranked, and each event's part of
     * the score is told.
     */
    nextMany(body, options) {
        return this.core.json("POST", "/v1/answers/next/batch", { repeatable: true, body }, options);
    }
    /**
     * Kinds of customers, by how lately, how often and for how much they buy, their baskets, returns and habits; and kinds of products, by sales,
     * price, buyers and season. Groups are found by k-means and named in plain words; a feature counts as much as it tells who buys again; a newcomer
     * is classed by his first order.
     */
    segmentMany(body, options) {
        return this.core.json("POST", "/v1/answers/segment/batch", { repeatable: true, body }, options);
    }
    /**
     * Units of each product in the weeks to come, by one regression over all products on their level, recent sales, trend and season, with an interval;
     * and how units move with the price: elasticities of products, drawn towards their category and the whole shop.
     */
    demandMany(body, options) {
        return this.core.json("POST", "/v1/answers/demand/batch", { repeatable: true, body }, options);
    }
    /**
     * What the shop's past shows: revenue, orders, baskets, customers new and returning, cohorts, best products, countries and customers, what moved
     * revenue, and days far from what was to be expected. Every sum of money is exact.
     */
    insightMany(body, options) {
        return this.core.json("POST", "/v1/answers/insight/batch", { repeatable: true, body }, options);
    }
    /**
     * Products like one product or picture: bought in the same orders, with words in common, of the same category, at a like price, with pictures
     * alike. The parts are weighed and added up, and each one's part is told. Nothing is learnt: a new product has neighbours at once.
     */
    similarMany(body, options) {
        return this.core.json("POST", "/v1/answers/similar/batch", { repeatable: true, body }, options);
    }
    /**
     * What a picture or clip shows: the categories (or products) of the shop with their probabilities, 'not sure' when none is likely enough. A
     * convolutional network with residual blocks, trained on the pictures of the shop's own products; what each part of the picture adds to a class's
     * logit is told, and drawn as a heat map.
     */
    classifyMany(body, options) {
        return this.core.json("POST", "/v1/answers/classify/batch", { repeatable: true, body }, options);
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
     * Events in the order they were accepted, a page at a time.
     * Role: writer.
     */
    listEvents(query = {}, options) {
        return this.json("GET", "/v1/events", { repeatable: true, query }, options);
    }
    /**
     * The same from page to page, one by one, as far as the loop goes on.
     */
    iterateEvents(query = {}, options) {
        return this.pages("/v1/events", query, options);
    }
    /**
     * Products by id, a page at a time: those of the catalogue, and those that events have shown.
     * Role: reader.
     */
    listProducts(query = {}, options) {
        return this.json("GET", "/v1/products", { repeatable: true, query }, options);
    }
    /**
     * The same from page to page, one by one, as far as the loop goes on.
     */
    iterateProducts(query = {}, options) {
        return this.pages("/v1/products", query, options);
    }
    /**
     * Makes or replaces products: one, an array, or JSON lines; all or none.
     * Role: writer.
     */
    addProducts(body, options) {
        return this.json("POST", "/v1/products", { repeatable: true, body }, options);
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
     * Changes some fields of a product's record (JSON merge patch).
     * Role: writer.
     */
    patchProduct(id, body, options) {
        return this.json("PATCH", `/v1/products/${part(id)}`, { repeatable: true, body }, options);
    }
    /**
     * Removes a product's record; its events stay.
     * Role: writer.
     */
    deleteProduct(id, options) {
        return this.json("DELETE", `/v1/products/${part(id)}`, { repeatable: true }, options);
    }
    /**
     * The first picture of a product, as imported or smaller.
     * Role: reader.
     */
    getPicture(id, query = {}, options) {
        return this.bytes("GET", `/v1/products/${part(id)}/picture`, { repeatable: true, query }, options);
    }
    /**
     * Customers by id, a page at a time: those with a record, and those that events name.
     * Role: writer.
     */
    listCustomers(query = {}, options) {
        return this.json("GET", "/v1/customers", { repeatable: true, query }, options);
    }
    /**
     * The same from page to page, one by one, as far as the loop goes on.
     */
    iterateCustomers(query = {}, options) {
        return this.pages("/v1/customers", query, options);
    }
    /**
     * Makes or replaces customers' records: one, an array, or JSON lines; all or none.
     * Role: writer.
     */
    addCustomers(body, options) {
        return this.json("POST", "/v1/customers", { repeatable: true, body }, options);
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
     * Changes some fields of a customer's record (JSON merge patch).
     * Role: writer.
     */
    patchCustomer(id, body, options) {
        return this.json("PATCH", `/v1/customers/${part(id)}`, { repeatable: true, body }, options);
    }
    /**
     * Erases a customer from rows, snapshots and models, with a receipt.
     * Role: writer.
     */
    eraseCustomer(id, options) {
        return this.json("DELETE", `/v1/customers/${part(id)}`, { repeatable: true }, options);
    }
    /**
     * All that is stored of a customer: what erasing him would remove.
     * Role: writer.
     */
    exportCustomer(id, options) {
        return this.json("GET", `/v1/customers/${part(id)}/export`, { repeatable: true }, options);
    }
    /**
     * Messages by id, a page at a time.
     * Role: writer.
     */
    listMessages(query = {}, options) {
        return this.json("GET", "/v1/messages", { repeatable: true, query }, options);
    }
    /**
     * The same from page to page, one by one, as far as the loop goes on.
     */
    iterateMessages(query = {}, options) {
        return this.pages("/v1/messages", query, options);
    }
    /**
     * Makes or replaces messages: one, an array, or JSON lines; all or none.
     * Role: writer.
     */
    addMessages(body, options) {
        return this.json("POST", "/v1/messages", { repeatable: true, body }, options);
    }
    /**
     * A message.
     * Role: writer.
     */
    getMessage(id, options) {
        return this.json("GET", `/v1/messages/${part(id)}`, { repeatable: true }, options);
    }
    /**
     * Makes a message or replaces it whole.
     * Role: writer.
     */
    putMessage(id, body, options) {
        return this.json("PUT", `/v1/messages/${part(id)}`, { repeatable: true, body }, options);
    }
    /**
     * Changes some fields of a message (JSON merge patch).
     * Role: writer.
     */
    patchMessage(id, body, options) {
        return this.json("PATCH", `/v1/messages/${part(id)}`, { repeatable: true, body }, options);
    }
    /**
     * Removes a message.
     * Role: writer.
     */
    deleteMessage(id, options) {
        return this.json("DELETE", `/v1/messages/${part(id)}`, { repeatable: true }, options);
    }
    /**
     * Reviews by id, a page at a time.
     * Role: reader.
     */
    listReviews(query = {}, options) {
        return this.json("GET", "/v1/reviews", { repeatable: true, query }, options);
    }
    /**
     * The same from page to page, one by one, as far as the loop goes on.
     */
    iterateReviews(query = {}, options) {
        return this.pages("/v1/reviews", query, options);
    }
    /**
     * Makes or replaces reviews: one, an array, or JSON lines; all or none.
     * Role: writer.
     */
    addReviews(body, options) {
        return this.json("POST", "/v1/reviews", { repeatable: true, body }, options);
    }
    /**
     * A review.
     * Role: reader.
     */
    getReview(id, options) {
        return this.json("GET", `/v1/reviews/${part(id)}`, { repeatable: true }, options);
    }
    /**
     * Makes a review or replaces it whole.
     * Role: writer.
     */
    putReview(id, body, options) {
        return this.json("PUT", `/v1/reviews/${part(id)}`, { repeatable: true, body }, options);
    }
    /**
     * Changes some fields of a review (JSON merge patch).
     * Role: writer.
     */
    patchReview(id, body, options) {
        return this.json("PATCH", `/v1/reviews/${part(id)}`, { repeatable: true, body }, options);
    }
    /**
     * Removes a review.
     * Role: writer.
     */
    deleteReview(id, options) {
        return this.json("DELETE", `/v1/reviews/${part(id)}`, { repeatable: true }, options);
    }
    /**
     * Takes a file's bytes, to be imported by a job; in place of an older one of that name.
     * Role: admin.
     */
    putUpload(name, body, options) {
        return this.json("PUT", `/v1/uploads/${part(name)}`, { repeatable: true, bytes: body, type: "application/octet-stream" }, options);
    }
    /**
     * Removes an uploaded file.
     * Role: admin.
     */
    deleteUpload(name, options) {
        return this.json("DELETE", `/v1/uploads/${part(name)}`, { repeatable: true }, options);
    }
    /**
     * The files that were sent and are there still.
     * Role: admin.
     */
    listUploads(options) {
        return this.json("GET", "/v1/uploads", { repeatable: true }, options);
    }
    /**
     * Begins long work: import, train, evaluate, erase, export.
     * Role: admin.
     */
    startJob(body, options) {
        return this.json("POST", "/v1/jobs", { repeatable: false, body }, options);
    }
    /**
     * The jobs of the shop, newest first.
     * Role: admin.
     */
    listJobs(query = {}, options) {
        return this.json("GET", "/v1/jobs", { repeatable: true, query }, options);
    }
    /**
     * The same from page to page, one by one, as far as the loop goes on.
     */
    iterateJobs(query = {}, options) {
        return this.pages("/v1/jobs", query, options);
    }
    /**
     * A job: its state, progress, result.
     * Role: admin.
     */
    getJob(id, options) {
        return this.json("GET", `/v1/jobs/${part(id)}`, { repeatable: true }, options);
    }
    /**
     * Cancels a job that waits or runs.
     * Role: admin.
     */
    cancelJob(id, options) {
        return this.json("DELETE", `/v1/jobs/${part(id)}`, { repeatable: true }, options);
    }
    /**
     * What a job has said, a line each.
     * Role: admin.
     */
    getJobLog(id, options) {
        return this.text("GET", `/v1/jobs/${part(id)}/log`, { repeatable: true }, options);
    }
    /**
     * A job as it goes on, as server-sent events: job, log, and end as the last.
     * Role: admin.
     */
    streamJob(id, options) {
        return this.stream("GET", `/v1/jobs/${part(id)}/events`, { repeatable: true }, options);
    }
    /**
     * What an export made, as JSON lines.
     * Role: admin.
     */
    getJobFile(id, options) {
        return this.bytes("GET", `/v1/jobs/${part(id)}/file`, { repeatable: true }, options);
    }
    /**
     * Every answer that learns, and which version of its model is live.
     * Role: reader.
     */
    listModels(options) {
        return this.json("GET", "/v1/models", { repeatable: true }, options);
    }
    /**
     * The versions of an answer's model with their figures.
     * Role: reader.
     */
    getModel(answer, options) {
        return this.json("GET", `/v1/models/${part(answer)}`, { repeatable: true }, options);
    }
    /**
     * The figures of two versions side by side.
     * Role: reader.
     */
    compareModels(answer, query, options) {
        return this.json("GET", `/v1/models/${part(answer)}/compare`, { repeatable: true, query }, options);
    }
    /**
     * Makes a version live; one that did not pass its gate only with force.
     * Role: admin.
     */
    deployModel(answer, body, options) {
        return this.json("POST", `/v1/models/${part(answer)}/deploy`, { repeatable: false, body }, options);
    }
    /**
     * Makes the version live that was so before.
     * Role: admin.
     */
    rollbackModel(answer, body, options) {
        return this.json("POST", `/v1/models/${part(answer)}/rollback`, { repeatable: false, body }, options);
    }
    /**
     * The file of a version (safetensors).
     * Role: admin.
     */
    getModelFile(answer, version, options) {
        return this.bytes("GET", `/v1/models/${part(answer)}/versions/${part(version)}/file`, { repeatable: true }, options);
    }
    /**
     * The keys of the shop, without their secrets.
     * Role: admin.
     */
    listKeys(options) {
        return this.json("GET", "/v1/keys", { repeatable: true }, options);
    }
    /**
     * Makes a key; it is shown in this reply alone.
     * Role: admin.
     */
    createKey(body, options) {
        return this.json("POST", "/v1/keys", { repeatable: false, body }, options);
    }
    /**
     * Revokes a key.
     * Role: admin.
     */
    revokeKey(id, options) {
        return this.json("DELETE", `/v1/keys/${part(id)}`, { repeatable: true }, options);
    }
    /**
     * The settings of the server and of the shop.
     * Role: admin.
     */
    getSettings(options) {
        return this.json("GET", "/v1/settings", { repeatable: true }, options);
    }
    /**
     * Events as they are accepted, as server-sent events.
     * Role: writer.
     */
    streamEvents(query = {}, options) {
        return this.stream("GET", "/v1/events/stream", { repeatable: true, query }, options);
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
