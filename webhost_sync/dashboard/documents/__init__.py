"""How documents, their differences and their histories are drawn: from nodes and changes to what templates
show, piece by piece. Pure.
"""
