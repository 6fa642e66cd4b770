CREATE TABLE customers (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL
);

CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    placed_on DATE NOT NULL,
    total_cents INTEGER NOT NULL CHECK (total_cents >= 0)
);

SELECT customers.name, COUNT(orders.id) AS n_orders, SUM(orders.total_cents) / 100.0 AS total
FROM customers
LEFT JOIN orders ON orders.customer_id = customers.id
WHERE orders.placed_on >= '2024-01-01'
GROUP BY customers.name
HAVING COUNT(orders.id) > 3
ORDER BY total DESC;
