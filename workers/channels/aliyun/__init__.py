"""Aliyun 阿里云: SMS (dysmsapi) and voice (dyvmsapi), API version 2017-05-25."""
