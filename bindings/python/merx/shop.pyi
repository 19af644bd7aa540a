# Written by bindings/python/make_stubs.py from merx.shop.

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar, Literal, Self, TypeVar

from merx._types import OptionValue, Path, Progress

_T = TypeVar("_T")

__all__ = [
    "AnswerInfo",
    "Evaluation",
    "Explanation",
    "Figure",
    "Figures",
    "Import",
    "Item",
    "ModelVersion",
    "Reason",
    "Receipt",
    "Reply",
    "Shop",
    "Trained",
    "Training",
    "answers",
    "write_sample",
]

class Record:
    def __init__(self, **fields: Any) -> None: ...
    def to_dict(self) -> dict[str, Any]: ...

class RecordList(list[_T]):
    columns: ClassVar[tuple[Any, ...]]
    most: ClassVar[int]
    def to_dict(self) -> list[dict[str, Any]]: ...
    def to_frame(self) -> Any: ...

class Reason(Record):
    kind: str
    id: str
    text: str
    contribution: float
    without: float | None

class Explanation:
    title: str
    score: float
    unit: str
    reasons: list[Reason]
    def __init__(self, title: str, score: float, unit: str, reasons: list[Reason]) -> None: ...
    def plot(self, ax: Any = None, most: int = 12) -> Any: ...
    def to_frame(self) -> Any: ...

class Item(Record):
    id: str
    title: str
    score: float
    fields: dict[str, Any]
    reasons: list[Reason]
    def explain(self) -> Explanation: ...
    def plot(self, ax: Any = None, most: int = 12) -> Any: ...

class Reply(Record):
    answer: str
    sentence: str
    score_unit: str
    model_version: int
    data_offset: int
    items: list[Item]
    notes: list[str]
    def __bool__(self) -> bool: ...
    def __getitem__(self, at: int) -> Item: ...
    def __iter__(self) -> Iterator[Item]: ...
    def __len__(self) -> int: ...
    def to_dict(self) -> dict[str, Any]: ...
    def to_frame(self) -> Any: ...

class Figure(Record):
    name: str
    value: float
    low: float
    high: float
    baseline_name: str | None
    baseline: float | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    best_reachable: float | None
    higher_is_better: bool

class Figures(RecordList[Figure]): ...

class Evaluation(Record):
    split: datetime | None
    until: datetime | None
    train_rows: int
    test_rows: int
    test_units: int
    unit: str
    protocol: str
    figures: Figures
    gate_passed: bool
    gate: str
    def __getitem__(self, name: str) -> Figure: ...

class AnswerInfo(Record):
    name: str
    title: str
    text: str
    needs: str | None
    examples: str
    training: list[dict[str, Any]]
    question: list[dict[str, Any]]
    learns: bool

class Answers(RecordList[AnswerInfo]): ...

class Import(Record):
    files: ImportedFiles
    refusals: Refusals
    rows: int
    accepted: int
    duplicates: int
    refused: int
    events: int
    customers: int
    products: int
    orders: int
    amount: Decimal
    changed: bool

class ImportedFile(Record):
    name: str
    preset: str
    note: str | None
    rows: int
    accepted: int
    duplicates: int
    refused: int
    unchanged: bool

class ImportedFiles(RecordList[ImportedFile]): ...

class ModelVersion(Record):
    answer: str
    version: int
    created: datetime | None
    data_offset: int
    live: bool
    size_bytes: int
    sha256: str
    evaluation: Evaluation | None

class ModelVersions(RecordList[ModelVersion]): ...

class Receipt(Record):
    customer: str
    events: int
    orders: int
    messages: int
    reviews: int
    customers: int
    answers: dict[str, str]
    seconds: float

class Refusal(Record):
    file: str
    line: int
    column: str | None
    value: str | None
    message: str

class Refusals(RecordList[Refusal]): ...

class Trained(Record):
    answer: str
    outcome: str
    note: str | None
    version: int
    live: bool
    evaluation: Evaluation | None

class Training(RecordList[Trained]):
    def __getitem__(self, at: Any) -> Any: ...

class Shop:
    folder: str
    threads: int
    def __init__(self, folder: Path, create: bool = True, read_only: bool = False, threads: int = 0) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exception: object) -> None: ...
    def ask(self, answer: str, /, *, why: bool = False, **options: OptionValue | bool | None) -> Reply: ...
    def classify(
        self,
        *,
        picture: OptionValue | None = None,
        clip: OptionValue | None = None,
        product: OptionValue | None = None,
        n: int = 3,
        sure: float = 0.5,
        every_ms: float = 1000.0,
        heat_map: OptionValue | None = None,
        why: bool = False,
    ) -> Reply:
        """Pictures.

        What a picture or clip shows: the categories (or products) of the shop with their probabilities, "not sure" when none is likely enough. A convolutional network with residual blocks, trained on the pictures of the shop's own products; what each part of the picture adds to a class's logit is told, and drawn as a heat map.

        Needs pictures of two products at least, better of two categories.

        picture : str, optional
            Path of a picture: JPEG, PNG or WebP.
        clip : str, optional
            Path of a video, MP4 or WebM: a line for each frame looked at.
        product : str, optional
            Id of a product: its own first picture.
        n : int, 1 to 1000, default=3
            How many classes of a picture.
        sure : real, 0 to 1, default=0.5
            The least probability to be sure.
        every_ms : real, 0 to 1000000000, default=1000.0
            Of a clip: milliseconds between frames; 0: every frame.
        heat_map : str, optional
            Path of a PNG file to write: what speaks for the best class (red), what against it (blue).
        why : bool, default=False
            With the reasons of each item.

        Returns Reply; raises as `ask`.

        shop.classify(picture='photo.jpg', why=True)
        shop.classify(picture='photo.jpg', heat_map='why.png')
        shop.classify(clip='tour.mp4', every_ms='500')
        """
        ...
    def close(self) -> None: ...
    @property
    def closed(self) -> bool: ...
    def demand(
        self,
        *,
        product: OptionValue | None = None,
        weeks: int = 4,
        price: OptionValue | None = None,
        n: int = 10,
        why: bool = False,
    ) -> Reply:
        """Demand.

        Units of each product in the weeks to come, by one regression over all products on their level, recent sales, trend and season, with an interval; and how units move with the price: elasticities of products, drawn towards their category and the whole shop.

        Needs purchases with products and times over six weeks or more; prices that varied, for elasticities.

        product : str, optional
            Id of a product; without it the products with most expected units.
        weeks : int, 1 to 26, default=4
            Weeks to forecast for a product, from the first that is not over.
        price : str, optional
            What if it had this price, e.g. 2.95 (with product).
        n : int, 1 to 1000, default=10
            Products to show when no product is given.
        why : bool, default=False
            With the reasons of each item.

        Returns Reply; raises as `ask`.

        shop.demand()
        shop.demand(product='85123A', weeks='6', why=True)
        shop.demand(product='85123A', price='2.55')
        """
        ...
    def digest(self, with_models: bool = True) -> str: ...
    def evaluate(
        self,
        answer: str,
        split: str | date | None = None,
        truth: Path | None = None,
        seed: int = 0,
        progress: Progress = True,
    ) -> Evaluation: ...
    def forget(self, customer: str, progress: Progress = True) -> Receipt: ...
    def import_folder(
        self,
        path: Path,
        mapping: Path | None = None,
        replace: bool = False,
        max_refused: int = 0,
        progress: Progress = True,
    ) -> Import: ...
    def insight(
        self,
        *,
        topic: Literal["overview", "revenue", "products", "countries", "cohorts", "movers", "anomalies", "customers"] = "overview",
        from_: OptionValue | None = None,
        to: OptionValue | None = None,
        period: Literal["day", "week", "month"] = "month",
        n: int = 12,
        why: bool = False,
    ) -> Reply:
        """Insight.

        What the shop's past shows: revenue, orders, baskets, customers new and returning, cohorts, best products, countries and customers, what moved revenue, and days far from what was to be expected. Every sum of money is exact.

        Needs purchases with times, quantities and prices.

        topic : overview|revenue|products|countries|cohorts|movers|anomalies|customers, default='overview'
            What to show.
        from_ : str, optional
            First day, e.g. 2011-11-01; without it the first day of the data.
        to : str, optional
            Last day, e.g. 2011-11-30; without it the last day of the data.
        period : day|week|month, default='month'
            Of revenue and movers; anomalies are of days, or of weeks when asked for.
        n : int, 1 to 1000, default=12
            How many products, countries, movers, anomalies …; the last n periods of revenue.
        why : bool, default=False
            With the reasons of each item.

        Returns Reply; raises as `ask`.

        shop.insight()
        shop.insight(topic='movers', period='week', why=True)
        shop.insight(topic='revenue', from_='2011-09-01', to='2011-11-30')
        """
        ...
    def next(
        self,
        *,
        customer: OptionValue | None = None,
        session: OptionValue | None = None,
        items: OptionValue | None = None,
        n: int = 10,
        history: int = 100,
        new_only: bool = True,
        exclude: OptionValue | None = None,
        why: bool = False,
    ) -> Reply:
        """Next purchase.

        What may come next after a customer's purchases, a session's events or products in a given order: what followed what, near and far (transition counts), and a recurrent network (GRU) that has followed every sequence, added up. Every product of the shop is ranked, and each event's part of the score is told.

        Needs purchases with customers and products, or sessions.

        customer : str, optional
            Id of a customer: what may follow what he bought.
        session : str, optional
            Id of a session: what may follow what was looked at, put into the cart or bought in it.
        items : str, optional
            Ids of products in the order they came, separated by commas: what may follow them.
        n : int, 1 to 1000, default=10
            How many products.
        history : int, 1 to 1000, default=100
            How many events, the last ones, are looked at.
        new_only : bool, default=True
            Leave out what is in the history.
        exclude : str, optional
            Ids of products to leave out, separated by commas.
        why : bool, default=False
            With the reasons of each item.

        Returns Reply; raises as `ask`.

        shop.next(customer='12347', why=True)
        shop.next(items='85123A,22423', n='5')
        """
        ...
    def recommend(
        self,
        *,
        customer: OptionValue | None = None,
        basket: OptionValue | None = None,
        session: OptionValue | None = None,
        n: int = 10,
        new_only: bool = True,
        exclude: OptionValue | None = None,
        why: bool = False,
    ) -> Reply:
        """Recommendations.

        Products for a customer, a basket or a session: what purchases tell about others (EASE, a linear model of products), what is bought together (item-to-item similarity) and what customers of like taste buy (implicit matrix factorisation), added up. Every product of the shop is ranked, and each past purchase's part of the score is told.

        Needs purchases with customers and products.

        customer : str, optional
            Id of a customer: products for him, by what he bought.
        basket : str, optional
            Ids of products, separated by commas: what goes with them.
        session : str, optional
            Id of a session: what goes with what was looked at, put into the cart or bought in it.
        n : int, 1 to 1000, default=10
            How many products.
        new_only : bool, default=True
            Leave out what the customer has bought and what was given.
        exclude : str, optional
            Ids of products to leave out, separated by commas.
        why : bool, default=False
            With the reasons of each item.

        Returns Reply; raises as `ask`.

        shop.recommend(customer='12347', why=True)
        shop.recommend(basket='85123A,22423', n='5')
        """
        ...
    def report(self, html: Path | None = None, language: Literal["en", "zh"] = "en", columns: int = 100, progress: Progress = True) -> str: ...
    def segment(
        self,
        *,
        kind: Literal["customers", "products"] = "customers",
        customer: OptionValue | None = None,
        product: OptionValue | None = None,
        why: bool = False,
    ) -> Reply:
        """Segments.

        Kinds of customers, by how lately, how often and for how much they buy, their baskets, returns and habits; and kinds of products, by sales, price, buyers and season. Groups are found by k-means and named in plain words; a feature counts as much as it tells who buys again; a newcomer is classed by his first order.

        Needs purchases with customers, products, prices and times.

        kind : customers|products, default='customers'
            Which segments to list.
        customer : str, optional
            Id of a customer: his segment and why.
        product : str, optional
            Id of a product: its group and why.
        why : bool, default=False
            With the reasons of each item.

        Returns Reply; raises as `ask`.

        shop.segment()
        shop.segment(kind='products')
        shop.segment(customer='12347', why=True)
        """
        ...
    def similar(
        self,
        *,
        product: OptionValue | None = None,
        picture: OptionValue | None = None,
        n: int = 10,
        exclude: OptionValue | None = None,
        bought: float = 1.0,
        words: float = 1.0,
        category: float = 0.3,
        price: float = 0.1,
        looks: float = 0.5,
        why: bool = False,
    ) -> Reply:
        """Similar products.

        Products like one product or picture: bought in the same orders, with words in common, of the same category, at a like price, with pictures alike. The parts are weighed and added up, and each one's part is told. Nothing is learnt: a new product has neighbours at once.

        Needs two products at least; orders, titles, categories and prices as far as they are known.

        product : str, optional
            Id of the product; without one: the one most often sold.
        picture : str, optional
            Path of a picture (JPEG, PNG, WebP): products whose pictures are like it, by what classify has learnt.
        n : int, 1 to 1000, default=10
            How many products.
        exclude : str, optional
            Ids of products to leave out, separated by commas.
        bought : real, 0 to 100, default=1.0
            What being bought together counts.
        words : real, 0 to 100, default=1.0
            What words that titles share count.
        category : real, 0 to 100, default=0.3
            What being of one category counts.
        price : real, 0 to 100, default=0.1
            What a like price counts.
        looks : real, 0 to 100, default=0.5
            What pictures that are alike count.
        why : bool, default=False
            With the reasons of each item.

        Returns Reply; raises as `ask`.

        shop.similar(product='85123A', why=True)
        shop.similar(product='85123A', bought='0')
        shop.similar(picture='photo.jpg')
        """
        ...
    def train(
        self,
        answer: str | Sequence[str] | None = None,
        /,
        *,
        options: Mapping[str, OptionValue | bool] | None = None,
        force: bool = False,
        again: bool = False,
        seed: int = 0,
        progress: Progress = True,
        **settings: OptionValue | bool | None,
    ) -> Training: ...
    def versions(self) -> ModelVersions: ...

def answers() -> Answers: ...

def write_sample(folder: Path, products: int = 500, customers: int = 2000, events: int = 60000, seed: int = 0, progress: Progress = True) -> None: ...
