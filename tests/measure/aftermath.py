"""What is left when much was sent: failures, addresses in quarantine, opens and clicks.

Of all sent messages of a store every twentieth turns out to have failed, with its address in
quarantine; of the first delivery every third was opened and every ninth clicked. Written by SQL,
with the counters that the product keeps.
"""

from sqlalchemy import text

from store.engine import Tx

_FAILED = """
UPDATE message SET status = 'failed', reason = 1, failure = 'hard', reply = :reply
    WHERE status = 'sent' AND id % 20 = 0;
UPDATE transition SET to_status = 'failed', event = 'refused', reason = 1, failure = 'hard',
    code = 550, enhanced = '5.1.1', text = :reply, size_bytes = NULL
    WHERE to_status = 'sent' AND message_id % 20 = 0;
DELETE FROM rollup_status WHERE status = 'sent';
INSERT INTO rollup_status SELECT delivery_id, status, coalesce(reason, 0), count(*) FROM message
    WHERE status IN ('sent', 'failed') GROUP BY 1, 2, 3;
DELETE FROM rollup_domain;
INSERT INTO rollup_domain SELECT delivery_id, domain, status, coalesce(reason, 0), count(*)
    FROM message WHERE status IN ('sent', 'failed') GROUP BY 1, 2, 3, 4;
INSERT INTO address SELECT address, 'quarantined', 1, 1, :reply, min(delivery_id),
    max(changed_at) - id % 3000 FROM message WHERE status = 'failed' GROUP BY address;
INSERT INTO rollup_quarantine SELECT delivery_id, count(*) FROM address GROUP BY 1
"""
_CAME_BACK = """
INSERT INTO tracked_delivery VALUES (1, 'http://127.0.0.1:8026', 1, 0, NULL, NULL);
INSERT INTO tracked_url VALUES (1, 1, '', 'open', '', 'enabled', 2),
    (1, 2, 'https://shop.test/', 'shop', '', 'enabled', 1);
INSERT INTO tracking_log (event, delivery_id, message_id, url, kind, at, person, agent, ip)
    SELECT 'o' || id, 1, id, 1, 2, changed_at + id % 3000, 'p' || id, 'Agent', '127.0.0.1'
    FROM message WHERE delivery_id = 1 AND status = 'sent' AND id % 3 = 0 ORDER BY id;
INSERT INTO tracking_log (event, delivery_id, message_id, url, kind, at, person, agent, ip)
    SELECT 'c' || id, 1, id, 2, 1, changed_at + id % 3000 + 9, 'p' || id, 'Agent', '127.0.0.1'
    FROM message WHERE delivery_id = 1 AND status = 'sent' AND id % 9 = 0 ORDER BY id;
INSERT INTO tracked_message SELECT message_id, 1, min(at), max(CASE WHEN kind = 1 THEN at END),
    min(at), max(CASE WHEN kind = 1 THEN at END) FROM tracking_log GROUP BY message_id;
INSERT INTO visitor SELECT 1, person, min(at), min(at) FROM tracking_log WHERE kind = 1
    GROUP BY person;
INSERT INTO rollup_tracking SELECT 1, url, kind, CAST(at / 300 AS INTEGER), 0, count(*), 0, 0
    FROM tracking_log GROUP BY url, kind, CAST(at / 300 AS INTEGER);
INSERT INTO rollup_engagement SELECT 1, domain, h.column1, count(*), count(clicked_at), 0,
    count(clicked_at) FROM tracked_message JOIN message ON id = message_id
    JOIN (VALUES (0), (1)) AS h GROUP BY domain, h.column1
"""


def leave(tx: Tx) -> None:
    """For SQLite, once, after ``backlog.fill``."""
    for each in (_FAILED + ";" + _CAME_BACK).split(";"):
        tx.connection.execute(
            text(each), {"reply": "550 5.1.1 No such user here"} if ":reply" in each else {}
        )
