"""Types of every known path, verb, field and answer, for editors and type checkers alone.

The ``.pyi`` files beside this one are made by ``python -m wechatpay_chain.openapi.build`` from
the catalogue, and nothing of them is there at run time. To name one of their types in a
program, import it where only a type checker looks::

    if TYPE_CHECKING:
        from wechatpay_chain.openapi.v3.pay import PayTransactionsNativePostJson
"""
