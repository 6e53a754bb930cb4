"""Claims: what the sources say, each settled by trials. A new source is added below."""

from longlag.claims import echo, five
from longlag.claims._card import Card, Finding, Result, Row, settle

CARDS: dict[str, Card] = {card.id: card for card in (*echo.CARDS, *five.CARDS)}

__all__ = ["CARDS", "Card", "Finding", "Result", "Row", "settle"]
