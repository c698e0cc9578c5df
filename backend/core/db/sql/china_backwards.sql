drop table early_words;
drop index receipts_attempt_kind;
drop index receipts_word;
drop index attempts_telephone;
drop index attempts_vendor;
