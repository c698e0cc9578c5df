"""Signatures against what the vendors' own SDKs sent to a recorder on loopback.

alibabacloud-dysmsapi20170525 4.6.0 and tencentcloud-sdk-python-sms 3.1.153, with invented credentials.
"""

from datetime import UTC, datetime

from workers.channels.aliyun.signature import authorization as acs3
from workers.channels.aliyun.signature import query_of
from workers.channels.tencent.signature import authorization as tc3

SECRET = "a-secret-for-tests"


def test_aliyuns_signature_is_the_sdks() -> None:
    query = query_of(
        {
            "PhoneNumbers": "13800000001",
            "SignName": "烽火",
            "TemplateCode": "SMS_1",
            "TemplateParam": '{"where":"2号楼 5层~*\'()","code":"7K"}',
            "OutId": "7K",
            "SmsUpExtendCode": "0272",
        }
    )
    headers = {
        "host": "127.0.0.1:35949",
        "x-acs-version": "2017-05-25",
        "x-acs-action": "SendSms",
        "user-agent": "AlibabaCloud (Linux; x86_64) Python/3.11.7 Core/0.4.3 TeaDSL/2",
        "x-acs-date": "2026-11-25T22:18:31Z",
        "x-acs-signature-nonce": "5bfb570c3d5358396197f65a8db63662",
        "accept": "application/json",
        "x-acs-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "x-acs-credentials-provider": "static_ak",
    }
    assert acs3("LTAIexample", SECRET, query, headers) == (
        "ACS3-HMAC-SHA256 Credential=LTAIexample,SignedHeaders=accept;host;user-agent;x-acs-action;"
        "x-acs-content-sha256;x-acs-credentials-provider;x-acs-date;x-acs-signature-nonce;x-acs-version,"
        "Signature=02597bd57126add97c30257af6fa2239e3daa2f394b02681b79c61fe50e45063"
    )


def test_tencents_signature_is_the_sdks() -> None:
    body = (
        b'{"PhoneNumberSet": ["+8613800000001"], "SmsSdkAppId": "1400000001", "TemplateId": "9", '
        b'"SignName": "\\u70fd\\u706b", "TemplateParamSet": ["2\\u53f7\\u697c", "\\u706b\\u8b66"], '
        b'"SessionContext": "7K"}'
    )
    at = 1795645185
    assert datetime.fromtimestamp(at, UTC).date().isoformat() == "2026-11-25"
    signed = tc3("AKIDexample", SECRET, service="sms", host="127.0.0.1:39319", timestamp=at, body=body)
    assert signed == (
        "TC3-HMAC-SHA256 Credential=AKIDexample/2026-11-25/sms/tc3_request, SignedHeaders=content-type;host, "
        "Signature=6aaccd8973aee8d96357192b5028fd13c3699c2cc742ad9eb64a86c0c41b3e00"
    )
