"""
Client of merx: answers with reasons for online shops, live events, and what else merx serve does.

    merx = MerxClient("http://127.0.0.1:7373", "merx_...")
    reply = merx.answers.recommend(customer="C0000098", n=3, why=True)
"""
from ._core import Core, Download, Picture, Uploadable
from ._errors import MerxError
from ._events import ServerEvent
from ._generated import Answers, Routes


class MerxClient(Routes):
    __doc__ = Core.__doc__


__all__ = ["Answers", "Download", "MerxClient", "MerxError", "Picture", "ServerEvent", "Uploadable"]
