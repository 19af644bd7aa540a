# Written by merx_clients from api/openapi.json; not to be changed by hand: tools/make_clients writes it.
from __future__ import annotations

from typing import Any, Iterator, Literal, TypedDict

from ._core import Core, Download, Picture, Uploadable, part, said, with_ids
from ._events import ServerEvent


class _ErrorReplyNeeded(TypedDict):
    code: str  # one word: bad_request, not_found, conflict and so on
    message: str  # what was wrong
    where: str  # the option, field or place; may be empty
    hint: str  # what would be right
    request_id: str  # the same as the header X-Request-Id


class ErrorReply(_ErrorReplyNeeded, total=False):
    errors: list[RowError]


class _ReplyNeeded(TypedDict):
    answer: str
    sentence: str  # the answer in words
    score_unit: str
    model_version: int  # the model it came from; 0: it needs none
    data_offset: int  # the last event it has seen
    items: list[Item]
    notes: list[str]


class Reply(_ReplyNeeded, total=False):
    types: dict[str, Literal["text", "int", "real", "share", "money", "date"]]  # what the fields of each name are; an item may have its own
    heat_map: dict[str, Any]


class _ShopEventNeeded(TypedDict):
    id: str | int  # bytes of UTF-8 are counted
    kind: Literal["view", "cart", "purchase", "return"]
    product: str | int  # bytes of UTF-8 are counted


class ShopEvent(_ShopEventNeeded, total=False):
    time: str | float  # ISO 8601 text, or seconds since 1970
    customer: str | int  # bytes of UTF-8 are counted
    order: str | int  # bytes of UTF-8 are counted
    session: str | int  # bytes of UTF-8 are counted
    quantity: int
    price: str | float  # a decimal amount, such as 12.50
    title: str | int  # bytes of UTF-8 are counted
    country: str | int  # bytes of UTF-8 are counted


class _NewEventNeeded(TypedDict):
    kind: Literal["view", "cart", "purchase", "return"]
    product: str | int  # bytes of UTF-8 are counted


class NewEvent(_NewEventNeeded, total=False):
    """An event to be taken: without an id, the client makes one, so that it may be sent again."""

    id: str | int  # bytes of UTF-8 are counted
    time: str | float  # ISO 8601 text, or seconds since 1970
    customer: str | int  # bytes of UTF-8 are counted
    order: str | int  # bytes of UTF-8 are counted
    session: str | int  # bytes of UTF-8 are counted
    quantity: int
    price: str | float  # a decimal amount, such as 12.50
    title: str | int  # bytes of UTF-8 are counted
    country: str | int  # bytes of UTF-8 are counted


class _ListedEventNeeded(TypedDict):
    id: str


class ListedEvent(_ListedEventNeeded, total=False):
    time: str
    kind: Literal["view", "cart", "purchase", "return"]
    customer: str
    product: str
    order: str
    session: str
    quantity: int
    price: str
    title: str
    country: str
    offset: int
    source: str
    row: int


class EventPage(TypedDict):
    items: list[ListedEvent]
    next: str | None  # what "after" is for the following page; null: this is the last


class Product(TypedDict, total=False):
    id: str | int  # bytes of UTF-8 are counted
    title: str | int  # bytes of UTF-8 are counted
    category: str | int  # bytes of UTF-8 are counted
    brand: str | int  # bytes of UTF-8 are counted
    image: str | int  # bytes of UTF-8 are counted
    text: str | int  # bytes of UTF-8 are counted
    attributes: dict[str, Any]
    price: str | float  # a decimal amount, such as 12.50
    service: bool


class _ListedProductNeeded(TypedDict):
    id: str


class ListedProduct(_ListedProductNeeded, total=False):
    title: str
    category: str
    brand: str
    image: str
    text: str
    attributes: dict[str, Any]
    price: str
    service: bool


class ProductPage(TypedDict):
    items: list[ListedProduct]
    next: str | None  # what "after" is for the following page; null: this is the last


class ProductPatch(TypedDict, total=False):
    id: str | int | None
    title: str | int | None
    category: str | int | None
    brand: str | int | None
    image: str | int | None
    text: str | int | None
    attributes: dict[str, Any] | None
    price: str | float | None
    service: bool | None


class Customer(TypedDict, total=False):
    id: str | int  # bytes of UTF-8 are counted
    country: str | int  # bytes of UTF-8 are counted
    attributes: dict[str, Any]
    created: str | float  # ISO 8601 text, or seconds since 1970


class _ListedCustomerNeeded(TypedDict):
    id: str


class ListedCustomer(_ListedCustomerNeeded, total=False):
    country: str
    attributes: dict[str, Any]
    created: str
    events: int  # how many name the customer


class CustomerPage(TypedDict):
    items: list[ListedCustomer]
    next: str | None  # what "after" is for the following page; null: this is the last


class CustomerPatch(TypedDict, total=False):
    id: str | int | None
    country: str | int | None
    attributes: dict[str, Any] | None
    created: str | float | None


class _MessageNeeded(TypedDict):
    text: str | int  # bytes of UTF-8 are counted


class Message(_MessageNeeded, total=False):
    id: str | int  # bytes of UTF-8 are counted
    customer: str | int  # bytes of UTF-8 are counted
    channel: str | int  # bytes of UTF-8 are counted
    language: str | int  # bytes of UTF-8 are counted
    intent: str | int  # bytes of UTF-8 are counted
    reply: str | int  # bytes of UTF-8 are counted
    time: str | float  # ISO 8601 text, or seconds since 1970


class _ListedMessageNeeded(TypedDict):
    id: str


class ListedMessage(_ListedMessageNeeded, total=False):
    customer: str
    channel: str
    language: str
    text: str
    intent: str
    reply: str
    time: str


class MessagePage(TypedDict):
    items: list[ListedMessage]
    next: str | None  # what "after" is for the following page; null: this is the last


class MessagePatch(TypedDict, total=False):
    id: str | int | None
    customer: str | int | None
    channel: str | int | None
    language: str | int | None
    text: str | int | None
    intent: str | int | None
    reply: str | int | None
    time: str | float | None


class Review(TypedDict, total=False):
    id: str | int  # bytes of UTF-8 are counted
    customer: str | int  # bytes of UTF-8 are counted
    product: str | int  # bytes of UTF-8 are counted
    title: str | int  # bytes of UTF-8 are counted
    text: str | int  # bytes of UTF-8 are counted
    time: str | float  # ISO 8601 text, or seconds since 1970
    rating: float


class _ListedReviewNeeded(TypedDict):
    id: str


class ListedReview(_ListedReviewNeeded, total=False):
    customer: str
    product: str
    title: str
    text: str
    time: str
    rating: float


class ReviewPage(TypedDict):
    items: list[ListedReview]
    next: str | None  # what "after" is for the following page; null: this is the last


class ReviewPatch(TypedDict, total=False):
    id: str | int | None
    customer: str | int | None
    product: str | int | None
    title: str | int | None
    text: str | int | None
    time: str | float | None
    rating: float | None


class Order(TypedDict, total=False):
    id: str | int  # bytes of UTF-8 are counted
    customer: str | int  # bytes of UTF-8 are counted
    status: str | int  # bytes of UTF-8 are counted
    country: str | int  # bytes of UTF-8 are counted
    time: str | float  # ISO 8601 text, or seconds since 1970


class Export(TypedDict):
    customer: Customer
    orders: list[Order]
    messages: list[Message]
    reviews: list[Review]
    events: list[ListedEvent]


class Replies(TypedDict):
    replies: list[Reply | dict[str, Any]]


JobAsked = dict[str, Any] | dict[str, Any] | dict[str, Any] | dict[str, Any] | dict[str, Any]


class Job(TypedDict):
    id: str
    kind: Literal["import", "train", "evaluate", "erase", "export"]
    state: Literal["waiting", "running", "done", "failed", "cancelled", "interrupted"]
    created: str
    started: str | None
    ended: str | None
    progress: float | None
    stage: str
    left_s: float | None
    parameters: dict[str, Any]
    result: dict[str, Any] | None
    error: dict[str, Any] | None


class Jobs(TypedDict):
    items: list[Job]
    next: str | None


class Upload(TypedDict):
    name: str
    bytes: int
    sha256: str


class Uploads(TypedDict):
    items: list[dict[str, Any]]
    next: str | None


class Models(TypedDict):
    items: list[dict[str, Any]]


class ModelVersions(TypedDict):
    answer: str
    versions: list[dict[str, Any]]  # newest first


class Comparison(TypedDict):
    answer: str
    a: int
    b: int
    figures: list[dict[str, Any]]


class _DeployNeeded(TypedDict):
    version: int


class Deploy(_DeployNeeded, total=False):
    force: bool  # also one that did not pass its gate


class Empty(TypedDict, total=False):
    pass


class Deployed(TypedDict):
    answer: str
    live: int
    was: int | None


class _KeyAskedNeeded(TypedDict):
    role: Literal["reader", "writer", "admin"]


class KeyAsked(_KeyAskedNeeded, total=False):
    name: str  # for whom


class Key(TypedDict):
    id: str
    name: str
    role: str
    created: str
    key: str  # what clients send; shown this once


class Keys(TypedDict):
    items: list[dict[str, Any]]
    next: str | None


class Revoked(TypedDict):
    revoked: str


class Settings(TypedDict):
    settings: list[dict[str, Any]]
    shop: dict[str, Any]


class RowError(TypedDict):
    index: int  # which one of the request, from 0
    field: str
    value: str | None
    expected: str


class _ItemNeeded(TypedDict):
    id: str
    title: str
    score: float | None
    fields: dict[str, str | float | None]  # money and dates are texts


class Item(_ItemNeeded, total=False):
    reasons: list[Reason]  # with why: their contributions add up to the score


class Reason(TypedDict):
    kind: str
    id: str
    text: str
    contribution: float | None  # its part of the score
    without: float | None  # the score computed again without this evidence


class Descriptions(TypedDict):
    version: str
    answers: list[AnswerDescription]


class AnswerDescription(TypedDict):
    name: str
    title: str
    text: str
    needs: str
    learns: bool
    question: list[dict[str, Any]]


class Taken(TypedDict):
    id: str
    offset: int  # of the shop's last event


class Counted(TypedDict):
    accepted: int
    duplicates: int  # events whose ids were there already
    offset: int  # of the shop's last event


class Stored(TypedDict):
    stored: int  # how many
    offset: int  # of the shop's last event


class Removed(TypedDict):
    removed: str


class _StateNeeded(TypedDict):
    status: str


class State(_StateNeeded, total=False):
    version: str
    shop: str
    offset: int  # of the shop's last event


class Receipt(TypedDict):
    customer: str
    events: int
    orders: int
    messages: int
    reviews: int
    customers: int
    answers: dict[str, str]  # what each answer did with its model
    seconds: float


class _KnownProductNeeded(TypedDict):
    id: str


class KnownProduct(_KnownProductNeeded, total=False):
    title: str
    category: str
    brand: str
    image: str
    text: str
    attributes: dict[str, Any]
    price: str
    service: bool


class _KnownCustomerNeeded(TypedDict):
    id: str


class KnownCustomer(_KnownCustomerNeeded, total=False):
    country: str
    attributes: dict[str, Any]
    created: str
    events: int  # how many events name the customer
    first_event: str  # ISO 8601
    last_event: str  # ISO 8601


class _KnownMessageNeeded(TypedDict):
    id: str


class KnownMessage(_KnownMessageNeeded, total=False):
    customer: str
    channel: str
    language: str
    text: str
    intent: str
    reply: str
    time: str


class _KnownReviewNeeded(TypedDict):
    id: str


class KnownReview(_KnownReviewNeeded, total=False):
    customer: str
    product: str
    title: str
    text: str
    time: str
    rating: float


class Answers:
    """What a shop asks."""

    def __init__(self, core: Core) -> None:
        self._core = core


    def recommend(self, *, customer: str | None = None, basket: str | None = None, session: str | None = None, n: int | None = None, new_only: bool | None = None, exclude: str | None = None, why: bool | None = None) -> Reply:
        """
        Products for a customer, a basket or a session: what purchases tell about others (EASE, a linear model of products), what is bought together
        (item-to-item similarity) and what customers of like taste buy (implicit matrix factorisation), added up. Every product of the shop is ranked,
        and each past purchase's part of the score is told.

        customer: Id of a customer: products for him, by what he bought.
        basket: Ids of products, separated by commas: what goes with them.
        session: Id of a session: what goes with what was looked at, put into the cart or bought in it.
        n: How many products. Default 10.
        new_only: Leave out what the customer has bought and what was given. Default true.
        exclude: Ids of products to leave out, separated by commas.
        why: with the reasons: contributions that add up to each score
        """
        return self._core._json("POST", "/v1/answers/recommend", repeatable=True, body=said({"customer": customer, "basket": basket, "session": session, "n": n, "new_only": new_only, "exclude": exclude, "why": why}))

    def next(self, *, customer: str | None = None, session: str | None = None, items: str | None = None, n: int | None = None, history: int | None = None, new_only: bool | None = None, exclude: str | None = None, why: bool | None = None) -> Reply:
        """
        What may come next after a customer's purchases, a session's events or products in a given order: what followed what, near and far (transition
        counts), and a recurrent network (GRU) that has followed every sequence, added up. Every product of the shop is ranked, and each event's part
        of the score is told.

        customer: Id of a customer: what may follow what he bought.
        session: Id of a session: what may follow what was looked at, put into the cart or bought in it.
        items: Ids of products in the order they came, separated by commas: what may follow them.
        n: How many products. Default 10.
        history: How many events, the last ones, are looked at. Default 100.
        new_only: Leave out what is in the history. Default true.
        exclude: Ids of products to leave out, separated by commas.
        why: with the reasons: contributions that add up to each score
        """
        return self._core._json("POST", "/v1/answers/next", repeatable=True, body=said({"customer": customer, "session": session, "items": items, "n": n, "history": history, "new_only": new_only, "exclude": exclude, "why": why}))

    def segment(self, *, kind: Literal["customers", "products"] | None = None, customer: str | None = None, product: str | None = None, why: bool | None = None) -> Reply:
        """
        Kinds of customers, by how lately, how often and for how much they buy, their baskets, returns and habits; and kinds of products, by sales,
        price, buyers and season. Groups are found by k-means and named in plain words; a feature counts as much as it tells who buys again; a
        newcomer is classed by his first order.

        kind: Which segments to list. Default customers.
        customer: Id of a customer: his segment and why.
        product: Id of a product: its group and why.
        why: with the reasons: contributions that add up to each score
        """
        return self._core._json("POST", "/v1/answers/segment", repeatable=True, body=said({"kind": kind, "customer": customer, "product": product, "why": why}))

    def demand(self, *, product: str | None = None, weeks: int | None = None, price: str | None = None, n: int | None = None, why: bool | None = None) -> Reply:
        """
        Units of each product in the weeks to come, by one regression over all products on their level, recent sales, trend and season, with an
        interval; and how units move with the price: elasticities of products, drawn towards their category and the whole shop.

        product: Id of a product; without it the products with most expected units.
        weeks: Weeks to forecast for a product, from the first that is not over. Default 4.
        price: What if it had this price, e.g. 2.95 (with product).
        n: Products to show when no product is given. Default 10.
        why: with the reasons: contributions that add up to each score
        """
        return self._core._json("POST", "/v1/answers/demand", repeatable=True, body=said({"product": product, "weeks": weeks, "price": price, "n": n, "why": why}))

    def insight(self, *, topic: Literal["overview", "revenue", "products", "countries", "cohorts", "movers", "anomalies", "customers"] | None = None, from_: str | None = None, to: str | None = None, period: Literal["day", "week", "month"] | None = None, n: int | None = None, why: bool | None = None) -> Reply:
        """
        What the shop's past shows: revenue, orders, baskets, customers new and returning, cohorts, best products, countries and customers, what moved
        revenue, and days far from what was to be expected. Every sum of money is exact.

        topic: What to show. Default overview.
        from_: First day, e.g. 2011-11-01; without it the first day of the data.
        to: Last day, e.g. 2011-11-30; without it the last day of the data.
        period: Of revenue and movers; anomalies are of days, or of weeks when asked for. Default month.
        n: How many products, countries, movers, anomalies …; the last n periods of revenue. Default 12.
        why: with the reasons: contributions that add up to each score
        """
        return self._core._json("POST", "/v1/answers/insight", repeatable=True, body=said({"topic": topic, "from": from_, "to": to, "period": period, "n": n, "why": why}))

    def similar(self, picture: Picture | None = None, *, product: str | None = None, n: int | None = None, exclude: str | None = None, bought: float | None = None, words: float | None = None, category: float | None = None, price: float | None = None, looks: float | None = None, why: bool | None = None) -> Reply:
        """
        Products like one product or picture: bought in the same orders, with words in common, of the same category, at a like price, with pictures
        alike. The parts are weighed and added up, and each one's part is told. Nothing is learnt: a new product has neighbours at once.

        product: Id of the product; without one: the one most often sold.
        n: How many products. Default 10.
        exclude: Ids of products to leave out, separated by commas.
        bought: What being bought together counts. Default 1.
        words: What words that titles share count. Default 1.
        category: What being of one category counts. Default 0.3.
        price: What a like price counts. Default 0.1.
        looks: What pictures that are alike count. Default 0.5.
        why: with the reasons: contributions that add up to each score
        """
        if picture is not None:
            return self._core._picture("/v1/answers/similar", picture, {"product": product, "n": n, "exclude": exclude, "bought": bought, "words": words, "category": category, "price": price, "looks": looks, "why": why})
        return self._core._json("POST", "/v1/answers/similar", repeatable=True, body=said({"product": product, "n": n, "exclude": exclude, "bought": bought, "words": words, "category": category, "price": price, "looks": looks, "why": why}))

    def classify(self, picture: Picture | None = None, *, product: str | None = None, n: int | None = None, sure: float | None = None, every_ms: float | None = None, why: bool | None = None, heat_map: Literal["inline"] | None = None) -> Reply:
        """
        What a picture or clip shows: the categories (or products) of the shop with their probabilities, 'not sure' when none is likely enough. A
        convolutional network with residual blocks, trained on the pictures of the shop's own products; what each part of the picture adds to a
        class's logit is told, and drawn as a heat map.

        product: Id of a product: its own first picture.
        n: How many classes of a picture. Default 3.
        sure: The least probability to be sure. Default 0.5.
        every_ms: Of a clip: milliseconds between frames; 0: every frame. Default 1000.
        why: with the reasons: contributions that add up to each score
        """
        if picture is not None:
            return self._core._picture("/v1/answers/classify", picture, {"product": product, "n": n, "sure": sure, "every_ms": every_ms, "why": why, "heat_map": heat_map})
        return self._core._json("POST", "/v1/answers/classify", repeatable=True, body=said({"product": product, "n": n, "sure": sure, "every_ms": every_ms, "why": why}), query={"heat_map": heat_map})

    def recommend_many(self, body: dict[str, Any]) -> Replies:
        """
        Products for a customer, a basket or a session: what purchases tell about others (EASE, a linear model of products), what is bought together
        (item-to-item similarity) and what customers of like taste buy (implicit matrix factorisation), added up. Every product of the shop is ranked,
        and each past purchase's part of the score is told.
        """
        return self._core._json("POST", "/v1/answers/recommend/batch", repeatable=True, body=body)

    def next_many(self, body: dict[str, Any]) -> Replies:
        """
        What may come next after a customer's purchases, a session's events or products in a given order: what followed what, near and far (transition
        counts), and a recurrent network (GRU) that has followed every sequence, added up. Every product of the shop is ranked, and each event's part
        of the score is told.
        """
        return self._core._json("POST", "/v1/answers/next/batch", repeatable=True, body=body)

    def segment_many(self, body: dict[str, Any]) -> Replies:
        """
        Kinds of customers, by how lately, how often and for how much they buy, their baskets, returns and habits; and kinds of products, by sales,
        price, buyers and season. Groups are found by k-means and named in plain words; a feature counts as much as it tells who buys again; a
        newcomer is classed by his first order.
        """
        return self._core._json("POST", "/v1/answers/segment/batch", repeatable=True, body=body)

    def demand_many(self, body: dict[str, Any]) -> Replies:
        """
        Units of each product in the weeks to come, by one regression over all products on their level, recent sales, trend and season, with an
        interval; and how units move with the price: elasticities of products, drawn towards their category and the whole shop.
        """
        return self._core._json("POST", "/v1/answers/demand/batch", repeatable=True, body=body)

    def insight_many(self, body: dict[str, Any]) -> Replies:
        """
        What the shop's past shows: revenue, orders, baskets, customers new and returning, cohorts, best products, countries and customers, what moved
        revenue, and days far from what was to be expected. Every sum of money is exact.
        """
        return self._core._json("POST", "/v1/answers/insight/batch", repeatable=True, body=body)

    def similar_many(self, body: dict[str, Any]) -> Replies:
        """
        Products like one product or picture: bought in the same orders, with words in common, of the same category, at a like price, with pictures
        alike. The parts are weighed and added up, and each one's part is told. Nothing is learnt: a new product has neighbours at once.
        """
        return self._core._json("POST", "/v1/answers/similar/batch", repeatable=True, body=body)

    def classify_many(self, body: dict[str, Any]) -> Replies:
        """
        What a picture or clip shows: the categories (or products) of the shop with their probabilities, 'not sure' when none is likely enough. A
        convolutional network with residual blocks, trained on the pictures of the shop's own products; what each part of the picture adds to a
        class's logit is told, and drawn as a heat map.
        """
        return self._core._json("POST", "/v1/answers/classify/batch", repeatable=True, body=body)

class Routes(Core):
    """Every route of merx serve."""

    @property
    def answers(self) -> Answers:
        """Every answer, with the options of its question."""
        return Answers(self)


    def live(self) -> State:
        """
        Whether the process answers.
        """
        return self._json("GET", "/v1/health/live", repeatable=True)

    def ready(self) -> State:
        """
        Whether the key's shop can be asked: its store opens, and the server is not stopping.
        Role: reader.
        """
        return self._json("GET", "/v1/health/ready", repeatable=True)

    def list_answers(self) -> Descriptions:
        """
        Every answer: what it says, what data it needs, the options of a question.
        Role: reader.
        """
        return self._json("GET", "/v1/answers", repeatable=True)

    def add_events(self, body: NewEvent | list[NewEvent]) -> Counted:
        """
        Takes events: one, an array, or JSON lines; all of them or none. Durable when answered.
        Role: writer.
        """
        return self._json("POST", "/v1/events", repeatable=True, body=with_ids(body))

    def list_events(self, *, limit: int | None = None, after: str | None = None) -> EventPage:
        """
        Events in the order they were accepted, a page at a time.
        Role: writer.

        limit: most items of a page
        after: what 'next' of the page before was
        """
        return self._json("GET", "/v1/events", repeatable=True, query={"limit": limit, "after": after})

    def iterate_events(self, *, limit: int | None = None, after: str | None = None) -> Iterator[ListedEvent]:
        """The same from page to page, one by one, as far as the loop goes on."""
        return self._pages("/v1/events", query={"limit": limit, "after": after})

    def list_products(self, *, limit: int | None = None, after: str | None = None, q: str | None = None) -> ProductPage:
        """
        Products by id, a page at a time: those of the catalogue, and those that events have shown.
        Role: reader.

        limit: most items of a page
        after: what 'next' of the page before was
        q: begins the id, or each word of it a word of the title
        """
        return self._json("GET", "/v1/products", repeatable=True, query={"limit": limit, "after": after, "q": q})

    def iterate_products(self, *, limit: int | None = None, after: str | None = None, q: str | None = None) -> Iterator[ListedProduct]:
        """The same from page to page, one by one, as far as the loop goes on."""
        return self._pages("/v1/products", query={"limit": limit, "after": after, "q": q})

    def add_products(self, body: Product | list[Product]) -> Stored:
        """
        Makes or replaces products: one, an array, or JSON lines; all or none.
        Role: writer.
        """
        return self._json("POST", "/v1/products", repeatable=True, body=body)

    def get_product(self, id: str | int) -> KnownProduct:
        """
        A product, as the catalogue has it or events have shown it.
        Role: reader.
        """
        return self._json("GET", f"/v1/products/{part(id)}", repeatable=True)

    def put_product(self, id: str | int, body: Product) -> Taken:
        """
        Makes a product or replaces it whole.
        Role: writer.
        """
        return self._json("PUT", f"/v1/products/{part(id)}", repeatable=True, body=body)

    def patch_product(self, id: str | int, body: ProductPatch) -> Taken:
        """
        Changes some fields of a product's record (JSON merge patch).
        Role: writer.
        """
        return self._json("PATCH", f"/v1/products/{part(id)}", repeatable=True, body=body)

    def delete_product(self, id: str | int) -> Taken:
        """
        Removes a product's record; its events stay.
        Role: writer.
        """
        return self._json("DELETE", f"/v1/products/{part(id)}", repeatable=True)

    def get_picture(self, id: str | int, *, size: int | None = None) -> Download:
        """
        The first picture of a product, as imported or smaller.
        Role: reader.

        size: most pixels a side; without it: the picture as it is
        """
        return self._download("GET", f"/v1/products/{part(id)}/picture", repeatable=True, query={"size": size})

    def list_customers(self, *, limit: int | None = None, after: str | None = None) -> CustomerPage:
        """
        Customers by id, a page at a time: those with a record, and those that events name.
        Role: writer.

        limit: most items of a page
        after: what 'next' of the page before was
        """
        return self._json("GET", "/v1/customers", repeatable=True, query={"limit": limit, "after": after})

    def iterate_customers(self, *, limit: int | None = None, after: str | None = None) -> Iterator[ListedCustomer]:
        """The same from page to page, one by one, as far as the loop goes on."""
        return self._pages("/v1/customers", query={"limit": limit, "after": after})

    def add_customers(self, body: Customer | list[Customer]) -> Stored:
        """
        Makes or replaces customers' records: one, an array, or JSON lines; all or none.
        Role: writer.
        """
        return self._json("POST", "/v1/customers", repeatable=True, body=body)

    def get_customer(self, id: str | int) -> KnownCustomer:
        """
        A customer's record, and how many events name him.
        Role: writer.
        """
        return self._json("GET", f"/v1/customers/{part(id)}", repeatable=True)

    def put_customer(self, id: str | int, body: Customer) -> Taken:
        """
        Makes a customer's record or replaces it whole.
        Role: writer.
        """
        return self._json("PUT", f"/v1/customers/{part(id)}", repeatable=True, body=body)

    def patch_customer(self, id: str | int, body: CustomerPatch) -> Taken:
        """
        Changes some fields of a customer's record (JSON merge patch).
        Role: writer.
        """
        return self._json("PATCH", f"/v1/customers/{part(id)}", repeatable=True, body=body)

    def erase_customer(self, id: str | int) -> Receipt:
        """
        Erases a customer from rows, snapshots and models, with a receipt.
        Role: writer.
        """
        return self._json("DELETE", f"/v1/customers/{part(id)}", repeatable=True)

    def export_customer(self, id: str | int) -> Export:
        """
        All that is stored of a customer: what erasing him would remove.
        Role: writer.
        """
        return self._json("GET", f"/v1/customers/{part(id)}/export", repeatable=True)

    def list_messages(self, *, limit: int | None = None, after: str | None = None) -> MessagePage:
        """
        Messages by id, a page at a time.
        Role: writer.

        limit: most items of a page
        after: what 'next' of the page before was
        """
        return self._json("GET", "/v1/messages", repeatable=True, query={"limit": limit, "after": after})

    def iterate_messages(self, *, limit: int | None = None, after: str | None = None) -> Iterator[ListedMessage]:
        """The same from page to page, one by one, as far as the loop goes on."""
        return self._pages("/v1/messages", query={"limit": limit, "after": after})

    def add_messages(self, body: Message | list[Message]) -> Stored:
        """
        Makes or replaces messages: one, an array, or JSON lines; all or none.
        Role: writer.
        """
        return self._json("POST", "/v1/messages", repeatable=True, body=body)

    def get_message(self, id: str | int) -> KnownMessage:
        """
        A message.
        Role: writer.
        """
        return self._json("GET", f"/v1/messages/{part(id)}", repeatable=True)

    def put_message(self, id: str | int, body: Message) -> Taken:
        """
        Makes a message or replaces it whole.
        Role: writer.
        """
        return self._json("PUT", f"/v1/messages/{part(id)}", repeatable=True, body=body)

    def patch_message(self, id: str | int, body: MessagePatch) -> Taken:
        """
        Changes some fields of a message (JSON merge patch).
        Role: writer.
        """
        return self._json("PATCH", f"/v1/messages/{part(id)}", repeatable=True, body=body)

    def delete_message(self, id: str | int) -> Taken:
        """
        Removes a message.
        Role: writer.
        """
        return self._json("DELETE", f"/v1/messages/{part(id)}", repeatable=True)

    def list_reviews(self, *, limit: int | None = None, after: str | None = None) -> ReviewPage:
        """
        Reviews by id, a page at a time.
        Role: reader.

        limit: most items of a page
        after: what 'next' of the page before was
        """
        return self._json("GET", "/v1/reviews", repeatable=True, query={"limit": limit, "after": after})

    def iterate_reviews(self, *, limit: int | None = None, after: str | None = None) -> Iterator[ListedReview]:
        """The same from page to page, one by one, as far as the loop goes on."""
        return self._pages("/v1/reviews", query={"limit": limit, "after": after})

    def add_reviews(self, body: Review | list[Review]) -> Stored:
        """
        Makes or replaces reviews: one, an array, or JSON lines; all or none.
        Role: writer.
        """
        return self._json("POST", "/v1/reviews", repeatable=True, body=body)

    def get_review(self, id: str | int) -> KnownReview:
        """
        A review.
        Role: reader.
        """
        return self._json("GET", f"/v1/reviews/{part(id)}", repeatable=True)

    def put_review(self, id: str | int, body: Review) -> Taken:
        """
        Makes a review or replaces it whole.
        Role: writer.
        """
        return self._json("PUT", f"/v1/reviews/{part(id)}", repeatable=True, body=body)

    def patch_review(self, id: str | int, body: ReviewPatch) -> Taken:
        """
        Changes some fields of a review (JSON merge patch).
        Role: writer.
        """
        return self._json("PATCH", f"/v1/reviews/{part(id)}", repeatable=True, body=body)

    def delete_review(self, id: str | int) -> Taken:
        """
        Removes a review.
        Role: writer.
        """
        return self._json("DELETE", f"/v1/reviews/{part(id)}", repeatable=True)

    def put_upload(self, name: str | int, body: Uploadable) -> Upload:
        """
        Takes a file's bytes, to be imported by a job; in place of an older one of that name.
        Role: admin.
        """
        return self._json("PUT", f"/v1/uploads/{part(name)}", repeatable=True, data=body, content_type="application/octet-stream")

    def delete_upload(self, name: str | int) -> Removed:
        """
        Removes an uploaded file.
        Role: admin.
        """
        return self._json("DELETE", f"/v1/uploads/{part(name)}", repeatable=True)

    def list_uploads(self) -> Uploads:
        """
        The files that were sent and are there still.
        Role: admin.
        """
        return self._json("GET", "/v1/uploads", repeatable=True)

    def start_job(self, body: JobAsked) -> Job:
        """
        Begins long work: import, train, evaluate, erase, export.
        Role: admin.
        """
        return self._json("POST", "/v1/jobs", repeatable=False, body=body)

    def list_jobs(self, *, limit: int | None = None, after: str | None = None) -> Jobs:
        """
        The jobs of the shop, newest first.
        Role: admin.

        limit: at most so many: 1 to 1000
        after: what 'next' was
        """
        return self._json("GET", "/v1/jobs", repeatable=True, query={"limit": limit, "after": after})

    def iterate_jobs(self, *, limit: int | None = None, after: str | None = None) -> Iterator[Job]:
        """The same from page to page, one by one, as far as the loop goes on."""
        return self._pages("/v1/jobs", query={"limit": limit, "after": after})

    def get_job(self, id: str | int) -> Job:
        """
        A job: its state, progress, result.
        Role: admin.
        """
        return self._json("GET", f"/v1/jobs/{part(id)}", repeatable=True)

    def cancel_job(self, id: str | int) -> Job:
        """
        Cancels a job that waits or runs.
        Role: admin.
        """
        return self._json("DELETE", f"/v1/jobs/{part(id)}", repeatable=True)

    def get_job_log(self, id: str | int) -> str:
        """
        What a job has said, a line each.
        Role: admin.
        """
        return self._text("GET", f"/v1/jobs/{part(id)}/log", repeatable=True)

    def stream_job(self, id: str | int) -> Iterator[ServerEvent]:
        """
        A job as it goes on, as server-sent events: job, log, and end as the last.
        Role: admin.
        """
        return self._stream("GET", f"/v1/jobs/{part(id)}/events", repeatable=True)

    def get_job_file(self, id: str | int) -> Download:
        """
        What an export made, as JSON lines.
        Role: admin.
        """
        return self._download("GET", f"/v1/jobs/{part(id)}/file", repeatable=True)

    def list_models(self) -> Models:
        """
        Every answer that learns, and which version of its model is live.
        Role: reader.
        """
        return self._json("GET", "/v1/models", repeatable=True)

    def get_model(self, answer: str | int) -> ModelVersions:
        """
        The versions of an answer's model with their figures.
        Role: reader.
        """
        return self._json("GET", f"/v1/models/{part(answer)}", repeatable=True)

    def compare_models(self, answer: str | int, *, a: int, b: int) -> Comparison:
        """
        The figures of two versions side by side.
        Role: reader.

        a: a version
        b: another
        """
        return self._json("GET", f"/v1/models/{part(answer)}/compare", repeatable=True, query={"a": a, "b": b})

    def deploy_model(self, answer: str | int, body: Deploy) -> Deployed:
        """
        Makes a version live; one that did not pass its gate only with force.
        Role: admin.
        """
        return self._json("POST", f"/v1/models/{part(answer)}/deploy", repeatable=False, body=body)

    def rollback_model(self, answer: str | int, body: Empty) -> Deployed:
        """
        Makes the version live that was so before.
        Role: admin.
        """
        return self._json("POST", f"/v1/models/{part(answer)}/rollback", repeatable=False, body=body)

    def get_model_file(self, answer: str | int, version: str | int) -> Download:
        """
        The file of a version (safetensors).
        Role: admin.
        """
        return self._download("GET", f"/v1/models/{part(answer)}/versions/{part(version)}/file", repeatable=True)

    def list_keys(self) -> Keys:
        """
        The keys of the shop, without their secrets.
        Role: admin.
        """
        return self._json("GET", "/v1/keys", repeatable=True)

    def create_key(self, body: KeyAsked) -> Key:
        """
        Makes a key; it is shown in this reply alone.
        Role: admin.
        """
        return self._json("POST", "/v1/keys", repeatable=False, body=body)

    def revoke_key(self, id: str | int) -> Revoked:
        """
        Revokes a key.
        Role: admin.
        """
        return self._json("DELETE", f"/v1/keys/{part(id)}", repeatable=True)

    def get_settings(self) -> Settings:
        """
        The settings of the server and of the shop.
        Role: admin.
        """
        return self._json("GET", "/v1/settings", repeatable=True)

    def stream_events(self, *, after: int | None = None) -> Iterator[ServerEvent]:
        """
        Events as they are accepted, as server-sent events.
        Role: writer.

        after: from this offset on; left out: from now on
        """
        return self._stream("GET", "/v1/events/stream", repeatable=True, query={"after": after})

    def openapi(self) -> Any:
        """
        This description, as OpenAPI 3.1.
        Role: reader.
        """
        return self._json("GET", "/v1/openapi.json", repeatable=True)

    def metrics(self) -> str:
        """
        Counters and times of the key's shop, as Prometheus text.
        Role: admin.
        """
        return self._text("GET", "/metrics", repeatable=True)
