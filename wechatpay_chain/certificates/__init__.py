"""WeChat Pay's certificates (平台证书): download them, and keep them up to date.

::

    client.certificates.refresh()
    for one in client.certificates:
        print(one.serial, one.not_after)

`download` asks for the list, `listing` opens and checks it, `refresh` says when that is
done, and `files` writes certificates down. The keys in use are in `platform_keys`.
"""

from wechatpay_chain.certificates.certificates import Certificates
from wechatpay_chain.certificates.listing import PlatformCertificate
from wechatpay_chain.certificates.refresh import Refresh

__all__ = ["Certificates", "PlatformCertificate", "Refresh"]
