"""Bills (账单): download them, checked and whole, and read them row by row.

::

    bill = client.bills.trade("2026-11-01").download("trade.csv")
    for row in bill.rows():
        print(row["商户订单号"], row.money("订单金额"))

`requests` says which bills there are, `downloads` gets one, `intake` checks its
bytes on their way in, and `reading` reads what came.
"""

from wechatpay_chain.bills.bill import Bill
from wechatpay_chain.bills.downloads import Bills
from wechatpay_chain.bills.reading import Row, Rows, rows
from wechatpay_chain.bills.requests import BillRequest

__all__ = ["Bill", "BillRequest", "Bills", "Row", "Rows", "rows"]
