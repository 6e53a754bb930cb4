"""Claims: statements of the sources, settled by trials. A new source is added below."""

from longlag.claims.card import Card, Finding, Result, Row, settle
from longlag.claims.echo import cards as echo
from longlag.claims.five import cards as five
from longlag.claims.lstm1997 import cards as lstm1997
from longlag.claims.modern import cards as modern

CARDS: dict[str, Card] = {
    card.id: card for card in (*echo.CARDS, *five.CARDS, *lstm1997.CARDS, *modern.CARDS)
}

__all__ = ["CARDS", "Card", "Finding", "Result", "Row", "settle"]
