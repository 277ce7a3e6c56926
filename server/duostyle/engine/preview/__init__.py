"""The instant picture: feed-forward networks that paint in one pass, and the one that finds people in a picture.

vector = predict(style)                  what a style is, 100 numbers      predictor
picture = transform(content, vectors)    painted in one pass               transformer
picture = finish(picture, ...)           colours, protected places         instant
mask = person(content)                   where people are                  person, guided
"""
