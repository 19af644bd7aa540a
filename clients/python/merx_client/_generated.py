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


class Reply(TypedDict):
    answer: str
    sentence: str  # the answer in words
    score_unit: str
    model_version: int  # the model it came from; 0: it needs none
    data_offset: int  # the last event it has seen
    items: list[Item]
    notes: list[str]


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


class Customer(TypedDict, total=False):
    id: str | int  # bytes of UTF-8 are counted
    country: str | int  # bytes of UTF-8 are counted
    attributes: dict[str, Any]
    created: str | float  # ISO 8601 text, or seconds since 1970


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

    def similar(self, *, product: str | None = None, n: int | None = None, exclude: str | None = None, bought: float | None = None, words: float | None = None, category: float | None = None, price: float | None = None, looks: float | None = None, why: bool | None = None) -> Reply:
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
        return self._core._json("POST", "/v1/answers/similar", repeatable=True, body=said({"product": product, "n": n, "exclude": exclude, "bought": bought, "words": words, "category": category, "price": price, "looks": looks, "why": why}))

    def classify(self, *, product: str | None = None, n: int | None = None, sure: float | None = None, every_ms: float | None = None, why: bool | None = None) -> Reply:
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
        return self._core._json("POST", "/v1/answers/classify", repeatable=True, body=said({"product": product, "n": n, "sure": sure, "every_ms": every_ms, "why": why}))

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

    def delete_product(self, id: str | int) -> Taken:
        """
        Removes a product's record; its events stay.
        Role: writer.
        """
        return self._json("DELETE", f"/v1/products/{part(id)}", repeatable=True)

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

    def erase_customer(self, id: str | int) -> Receipt:
        """
        Erases a customer from rows, snapshots and models, with a receipt.
        Role: writer.
        """
        return self._json("DELETE", f"/v1/customers/{part(id)}", repeatable=True)

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
