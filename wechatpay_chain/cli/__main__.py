"""``python -m wechatpay_chain.cli``, the same as ``wechatpay-chain``."""

from wechatpay_chain.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
