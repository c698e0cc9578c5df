"""Tencent Cloud 腾讯云 SMS, API version 2021-01-11."""
