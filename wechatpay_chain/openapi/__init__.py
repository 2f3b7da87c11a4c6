"""Types of every known path, verb, field and answer, for editors and type checkers alone.

The ``.pyi`` files are made by ``python -m wechatpay_chain.openapi.build`` from the catalogue,
and none of them is read when a program runs. The types of documents have names::

    from wechatpay_chain.openapi.v3.pay import TransactionsNativePostJson

    order: TransactionsNativePostJson = {"appid": …}

At run time such a type is ``dict``.
"""
