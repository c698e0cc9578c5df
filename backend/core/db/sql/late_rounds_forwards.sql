-- Rounds of complaints that are open, or were done late: looked through every five seconds. Those done in time are many.
create index complaint_rounds_reply_late on complaint_rounds (reply_due_at)
    where coalesce(replied_at, rating_asked_at, closed_at) is null
       or coalesce(replied_at, rating_asked_at, closed_at) > reply_due_at;
create index complaint_rounds_settle_late on complaint_rounds (settle_due_at)
    where coalesce(settled_at, rating_asked_at, closed_at) is null
       or coalesce(settled_at, rating_asked_at, closed_at) > settle_due_at;
