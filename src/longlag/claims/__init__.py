"""Claims: statements of the sources, settled by trials. A new source is added below."""

from longlag.claims.card import Card, Finding, Result, Row, settle
from longlag.claims.echo import cards as echo
from longlag.claims.five import cards as five

CARDS: dict[str, Card] = {card.id: card for card in (*echo.CARDS, *five.CARDS)}

__all__ = ["CARDS", "Card", "Finding", "Result", "Row", "settle"]
