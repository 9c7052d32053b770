-- A wallet's balance is what its transfers brought in less what they took out.
SELECT w.organisation_id, w.balance, coalesce(t.total, 0) AS by_transfers
FROM wallets_wallet w LEFT JOIN (
  SELECT organisation_id, sum(CASE WHEN credit LIKE 'credits\_%' THEN amount ELSE 0 END
                            - CASE WHEN debit LIKE 'credits\_%' THEN amount ELSE 0 END) AS total
  FROM wallets_transfer GROUP BY organisation_id) t USING (organisation_id)
WHERE w.balance <> coalesce(t.total, 0)
