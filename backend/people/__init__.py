"""Who a person is, how they are reached, what they may do, and the doors every read goes through."""
