"""What Tencent Cloud's error codes mean for a message: one table, and a rule for codes that are not in it.

Source: the error codes of SMS 2021-01-11 that SendSms may answer, and the API's common ones.
"""

from typing import Final

from backend.delivery.model import RefusalKind as Kind

CODES: Final = {
    "FailedOperation.ContainSensitiveWord": Kind.CONTENT,
    "FailedOperation.FailResolvePacket": Kind.CONTENT,
    "FailedOperation.JsonParseFail": Kind.CONTENT,
    "FailedOperation.ParametersOtherError": Kind.CONTENT,
    "FailedOperation.TemplateParamSetNotMatchApprovedTemplate": Kind.CONTENT,
    "FailedOperation.InsufficientBalanceInSmsPackage": Kind.MONEY,
    "UnauthorizedOperation.ServiceSuspendDueToArrears": Kind.MONEY,
    "FailedOperation.PhoneNumberInBlacklist": Kind.CONTACT,
    "FailedOperation.PhoneNumberParseFail": Kind.CONTACT,
    "InvalidParameterValue.IncorrectPhoneNumber": Kind.CONTACT,
    "FailedOperation.MissingSignature": Kind.CONFIGURATION,
    "FailedOperation.NotEnterpriseCertification": Kind.CONFIGURATION,
    "FailedOperation.SignatureIncorrectOrUnapproved": Kind.CONFIGURATION,
    "FailedOperation.TemplateIncorrectOrUnapproved": Kind.CONFIGURATION,
    "FailedOperation.TemplateIdNotExist": Kind.CONFIGURATION,
    "FailedOperation.TemplateUnapprovedOrNotExist": Kind.CONFIGURATION,
    "FailedOperation.OtherError": Kind.AWAY,
    "InternalError.JsonParseFail": Kind.CONTENT,
    "InternalError.OtherError": Kind.AWAY,
    "InternalError.ParseBackendResponseFail": Kind.UNKNOWN,
    "InternalError.RequestTimeException": Kind.CONFIGURATION,
    "InternalError.RestApiInterfaceNotExist": Kind.CONFIGURATION,
    "InternalError.SendAndRecvFail": Kind.UNKNOWN,
    "InternalError.SigFieldMissing": Kind.CONFIGURATION,
    "InternalError.SigVerificationFail": Kind.CONFIGURATION,
    "InternalError.Timeout": Kind.UNKNOWN,
    "InternalError.UnknownError": Kind.UNKNOWN,
    "InternalError": Kind.AWAY,
    "InvalidParameter": Kind.CONTENT,
    "InvalidParameter.AppidAndBizId": Kind.CONFIGURATION,
    "InvalidParameter.DirtyWordFound": Kind.CONTENT,
    "InvalidParameter.InvalidParameters": Kind.CONTENT,
    "InvalidParameterValue.ContentLengthLimit": Kind.CONTENT,
    "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter": Kind.CONTENT,
    "InvalidParameterValue.SdkAppIdNotExist": Kind.CONFIGURATION,
    "InvalidParameterValue.TemplateParameterFormatError": Kind.CONTENT,
    "InvalidParameterValue.TemplateParameterLengthLimit": Kind.CONTENT,
    "InvalidParameterValue.TemplateWithDirtyWords": Kind.CONTENT,
    "LimitExceeded.AppDailyLimit": Kind.CONFIGURATION,
    "LimitExceeded.AppMainlandChinaDailyLimit": Kind.CONFIGURATION,
    "LimitExceeded.DailyLimit": Kind.CONFIGURATION,
    "LimitExceeded.DeliveryFrequencyLimit": Kind.LIMIT,
    "LimitExceeded.PhoneNumberCountLimit": Kind.CONTENT,
    "LimitExceeded.PhoneNumberDailyLimit": Kind.LIMIT,
    "LimitExceeded.PhoneNumberOneHourLimit": Kind.LIMIT,
    "LimitExceeded.PhoneNumberSameContentDailyLimit": Kind.LIMIT,
    "LimitExceeded.PhoneNumberThirtySecondLimit": Kind.LIMIT,
    "MissingParameter": Kind.CONTENT,
    "MissingParameter.EmptyPhoneNumberSet": Kind.CONTENT,
    "RequestLimitExceeded": Kind.BUSY,
    "UnauthorizedOperation.RequestIpNotInWhitelist": Kind.CONFIGURATION,
    "UnauthorizedOperation.RequestPermissionDeny": Kind.CONFIGURATION,
    "UnauthorizedOperation.SdkAppIdIsDisabled": Kind.CONFIGURATION,
    "UnauthorizedOperation.SmsSdkAppIdVerifyFail": Kind.CONFIGURATION,
    "UnsupportedOperation": Kind.CONTENT,
    "UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone": Kind.CONTENT,
    "UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber": Kind.CONTENT,
    "UnsupportedOperation.GlobalTemplateToChineseMainlandPhone": Kind.CONTENT,
    "UnsupportedOperation.UnsupportedRegion": Kind.CONTENT,
    "AuthFailure.SignatureFailure": Kind.CONFIGURATION,
    "AuthFailure.SignatureExpire": Kind.CONFIGURATION,
    "AuthFailure.SecretIdNotFound": Kind.CONFIGURATION,
    "AuthFailure.UnauthorizedOperation": Kind.CONFIGURATION,
}
#: seconds until a number's cap lets another message through
WINDOWS: Final = {
    "LimitExceeded.DeliveryFrequencyLimit": 30.0,
    "LimitExceeded.PhoneNumberThirtySecondLimit": 30.0,
    "LimitExceeded.PhoneNumberOneHourLimit": 3600.0,
    "LimitExceeded.PhoneNumberDailyLimit": 86_400.0,
    "LimitExceeded.PhoneNumberSameContentDailyLimit": 86_400.0,
}
_FAMILIES: Final = (
    ("RequestLimitExceeded", Kind.BUSY),
    ("InternalError", Kind.AWAY),
    ("ResourceUnavailable", Kind.AWAY),
    ("InvalidParameter", Kind.CONTENT),
    ("MissingParameter", Kind.CONTENT),
    ("UnsupportedOperation", Kind.CONTENT),
)


def kind_of(code: str) -> Kind:
    """The class of a refusal. What is in no table needs somebody to look."""
    known = CODES.get(code)
    return known or next((kind for start, kind in _FAMILIES if code.startswith(start)), Kind.CONFIGURATION)
