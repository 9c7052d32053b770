-- Over all accounts, what was debited equals what was credited, per organisation.
SELECT organisation_id, sum(total) FROM (
  SELECT organisation_id, debit AS account, -amount AS total FROM wallets_transfer
  UNION ALL SELECT organisation_id, credit, amount FROM wallets_transfer) a
GROUP BY organisation_id HAVING sum(total) <> 0
