"""The names that shops give to columns and events: English and Chinese, the usual German, French
and Spanish.

In: a column's or an event's name. Out: the field or event type it is likely to mean, and how
surely. Knows nothing about values; those have their own say in `guess_columns`.
"""

import re
from unicodedata import combining, normalize

from habitue.schema import EVENT_TYPE_ALIASES, EVENT_TYPES

# field -> names, without case, blanks and marks; the surest first.
EVENT_FIELD_NAMES: dict[str, tuple[str, ...]] = {
    "user_id": (
        "userid", "customerid", "memberid", "householdid", "householdkey", "clientid", "custid",
        "customercode", "custcode", "customerno", "customernumber", "membercode", "memberno",
        "buyerid", "shopperid", "accountid", "personid", "uid", "user", "customer", "client",
        "member", "cardid", "cardnumber", "loyaltyid", "cardno", "reviewerid", "customerkey",
        "userno", "usercode", "usernumber", "memberkey", "visitorid", "distinctid", "kundennummer",
        "kunde", "clienteid", "vipid", "openid", "unionid", "customeruniqueid", "household",
        "userlogin", "shopperkey", "cid", "authorid", "playerid", "subscriberid", "fullvisitorid",
        "custno", "customeridentifier", "kundenid", "kundenr", "identifiantclient", "idcliente",
        "consumerid", "patronid", "guestid", "iduser", "idcustomer", "idclient",
        "cliente", "utilisateur", "usuario", "benutzer", "nutzer", "benutzerid", "nutzerid",
        "idusuario",
        "用户id", "用户编号", "用户", "会员id", "会员号", "会员编号", "会员卡号", "会员", "客户id",
        "客户编号", "客户号", "客户", "顾客id", "顾客编号", "顾客", "买家id", "买家", "买家昵称",
        "买家会员名", "用户标识",
    ),
    "anonymous_id": (
        "anonymousid", "anonid", "deviceid", "cookieid", "cookie", "visitorid", "userpseudoid",
        "fullvisitorid", "browserid", "guestid", "deviceuuid", "anonymoususerid", "clientid",
        "设备id", "设备号", "匿名id", "访客id",
    ),
    "timestamp": (
        "timestamp", "eventtime", "eventtimestamp", "time", "ts", "datetime", "eventdate",
        "transactiontimestamp", "orderdate", "invoicedate", "purchasedate", "transactiondate",
        "transactiondt", "orderpurchasetimestamp", "ordertime", "purchasetime", "transactiontime",
        "tdat", "date", "createdat", "shopdate", "occurredat", "originaltimestamp", "createtime",
        "saledate", "salesdate", "orderdatetime", "eventts", "serverts", "clientts", "logtime",
        "actiontime", "clicktime", "paytime", "paidat", "orderedat", "purchasedat", "placedat",
        "eventdatetime", "timems", "timestampms", "unixtime", "unixreviewtime", "epoch", "dateday",
        "visittime", "day", "dt", "created", "datum", "fecha", "billdate", "receiptdate",
        "reviewtime", "eventtimemillis", "createdatetime", "ordercreatedat", "processedat",
        "visitdate", "checkoutdate", "basketdate", "tradetime", "tradedate",
        "when", "zeitpunkt", "zeitstempel", "zeit", "bestelldatum", "kaufdatum", "rechnungsdatum",
        "horodatage", "datecommande", "heure", "fechahora", "fechapedido", "fechacompra",
        "时间", "时间戳", "行为时间", "下单时间", "购买时间", "订单时间", "交易时间", "付款时间",
        "支付时间", "创建时间", "操作时间", "日期", "下单日期", "交易日期", "购买日期", "订单日期",
        "消费时间", "消费日期", "发生时间", "销售日期", "订单创建时间", "订单付款时间",
    ),
    "sent_at": ("sentat", "senttime", "发送时间"),
    "received_at": ("receivedat", "ingestedat", "collectortstamp", "receivedtime", "接收时间"),
    "event_type": (
        "eventtype", "event", "eventname", "behaviortype", "behaviourtype", "behavior",
        "behaviour", "action", "actiontype", "useraction", "activitytype", "interactiontype",
        "activity", "interaction", "type", "eventcategory", "operation", "op", "verb",
        "ereignis", "aktion", "ereignistyp", "evenement", "typeevenement", "evento", "tipoevento",
        "accion",
        "行为类型", "行为", "事件类型", "事件名称", "事件名", "事件", "操作类型", "操作", "动作",
    ),
    "item_id": (
        "itemid", "productid", "articleid", "sku", "skuid", "stockcode", "asin", "prodid",
        "productcode", "prodcode", "productsku", "goodsid", "productno", "productnumber",
        "itemcode", "itemno", "itemnumber", "variantid", "upc", "ean", "gtin", "barcode",
        "parentasin", "articleno", "artikelnummer", "productkey", "contentid", "isbn", "spuid",
        "movieid", "bookid", "trackid", "songid", "artistid", "item", "product", "article",
        "goods", "merchandiseid", "pid", "iid", "listingid", "offerid", "couponid", "adid",
        "goodssn", "spu", "contentsid", "plu", "goodsno", "goodscode", "stockid", "productref",
        "artikelnr", "idproduct", "iditem", "referencia", "productidentifier", "partnumber",
        "artikel", "artikelid", "produkt", "produktid", "produktnummer", "produit", "idproduit",
        "codeproduit", "refproduit", "producto", "idproducto", "codigoproducto", "articulo",
        "商品id", "商品编号", "商品编码", "商品代码", "货号", "宝贝id", "产品id", "产品编号",
        "产品编码", "物品id", "商品货号", "商品",
    ),
    "item_name": (
        "itemname", "productname", "description", "title", "producttitle", "productdescription",
        "itemdescription", "goodsname", "articlename", "prodname", "itemtitle", "proddesc",
        "productdesc", "itemdesc", "bezeichnung", "artikelname", "artikelbezeichnung",
        "produktname",
        "libelle", "designation", "nomproduit", "nombreproducto", "descripcion", "name", "商品名称",
        "商品名", "宝贝标题", "产品名称", "品名",
        "商品标题", "宝贝名称", "产品名",
    ),
    "item_category": (
        "itemcategory", "productcategory", "category", "categorycode", "categoryname",
        "categorypath", "department", "producttype", "subcategory", "categoryid", "cat", "catid",
        "catname", "productsubcategory", "itemcategoryid", "productgroup", "productgroupname",
        "producttypename", "departmentname", "section", "aisle", "aisleid", "departmentid",
        "commodity", "commoditydesc", "subcommoditydesc", "family", "class", "subclass",
        "productsubclass", "cateid", "cate", "categoryl1", "categoryl2", "categoryl3",
        "category1", "category2", "category3", "l1category", "l2category", "l3category",
        "itemcategory1", "itemcategory2", "itemcategory3", "maincategory", "genre", "genres",
        "indexgroupname", "sectionname", "garmentgroupname", "prodcode10", "prodcode20",
        "prodcode30", "prodcode40", "productline", "topcategory", "leafcategory", "warengruppe",
        "categorie", "kategorie", "produktgruppe", "famille", "rayon", "categoria", "categories",
        "itemtype", "productfamily", "rubrik",
        "品类", "类目", "类目id", "商品类目", "商品品类", "商品分类", "分类", "类别", "商品类别",
        "一级类目", "二级类目", "三级类目", "一级品类", "二级品类", "三级品类", "品类id", "大类",
        "中类", "小类", "商品大类", "商品中类", "商品小类", "一级分类", "二级分类", "三级分类",
    ),
    "item_brand": (
        "brand", "itembrand", "brandname", "productbrand", "brandid", "manufacturer", "vendor",
        "merchantid", "marke", "marque", "marca", "maker", "品牌", "品牌id", "品牌名称", "商品品牌",
    ),
    "item_variant": ("itemvariant", "variant", "varianttitle", "规格", "商品规格"),
    "price": (
        "price", "unitprice", "itemprice", "productprice", "priceperunit", "priceunit", "usdprice",
        "pricepaid", "saleprice", "salesprice", "sellingprice", "finalprice", "unitcost",
        "actualprice", "preis", "prix", "precio", "einzelpreis", "prezzo", "priceeach",
        "stuckpreis", "stueckpreis",
        "prixunitaire", "preciounitario", "verkaufspreis", "cost", "itemcost",
        "单价", "价格", "商品单价", "售价", "商品价格", "销售单价",
        "成交价", "实际单价", "商品售价",
    ),
    "value": (
        "value", "salesvalue", "totalprice", "total", "totalamount", "amount", "lineamount",
        "revenue", "sales", "spend", "linetotal", "dollarvalue", "eventvalue", "amountpaid",
        "totalsales", "paymentvalue", "purchaseamount", "orderamount", "ordertotal", "subtotal",
        "transactionamount", "netsales", "grosssales", "turnover", "purchasevalue", "totalvalue",
        "itemtotal", "totalprice", "netamount", "payamount", "salesamount", "totalspent", "betrag",
        "umsatz", "gesamtpreis", "summe", "sum", "montant", "importe", "grandtotal", "itemrevenue",
        "money",
        "金额", "总价", "销售额", "支付金额", "订单金额", "实付金额",
        "消费金额", "付款金额", "总金额",
        "成交金额", "实付", "应付金额", "销售金额", "交易金额", "实际支付金额", "小计",
    ),
    "quantity": (
        "quantity", "qty", "units", "count", "numberofcds", "itemcount", "quantityordered",
        "orderquantity", "numitems", "unitssold", "amountofitems", "itemquantity", "qtyordered",
        "orderqty", "salesquantity", "salesqty", "menge", "anzahl", "stuckzahl", "stueckzahl",
        "cantidad", "quantite",
        "pieces", "buynum", "numunits", "saleqty", "itemqty",
        "数量", "购买数量", "商品数量", "件数", "销售数量", "销量", "下单数量", "购买件数",
    ),
    "currency": ("currency", "currencycode", "currencyiso", "币种", "货币"),
    "order_id": (
        "orderid", "invoice", "invoiceno", "basketid", "transactionid", "orderno", "ordernumber",
        "receiptid", "ticketid", "billno", "invoiceid", "invoicenumber", "receiptno", "txnid",
        "transid", "tradeid", "transactionno", "orderkey", "checkoutid", "purchaseid", "basket",
        "tid", "salesorderid", "billid", "ordersn", "cartid", "ordercode", "bonid", "tranid",
        "bestellnummer", "auftragsnummer", "rechnungsnummer", "belegnummer", "bestellung",
        "belegnr", "kassenbon", "bonnummer", "bonnr",
        "commande",
        "numerocommande", "idcommande", "pedido", "numeropedido", "idpedido", "factura", "ticketno",
        "receiptnumber", "transactionnumber",
        "salesid", "saleid", "transaction", "docid", "idorder", "ordernr", "idtransaction",
        "订单号", "订单id", "订单编号", "交易号", "单号", "小票号", "交易编号", "流水号", "订单",
    ),
    "session_id": (
        "sessionid", "usersession", "session", "visitid", "gasessionid", "sid", "eventsession",
        "sessionkey", "sessid", "会话id", "会话", "会话编号", "访问id",
    ),
    "event_id": (
        "eventid", "messageid", "eventuuid", "insertid", "uuid", "lineid", "orderitemid",
        "logid", "hitid", "recordid", "rowid", "事件id", "日志id", "流水id",
    ),
    "platform": ("platform", "channel", "saleschannel", "devicesource", "appplatform", "terminal",
                 "clientplatform", "trafficchannel", "平台", "渠道", "终端", "来源平台"),
    "device_type": ("devicetype", "device", "devicecategory", "os", "operatingsystem",
                    "设备类型", "设备", "操作系统"),
    "search_query": ("searchquery", "searchterm", "keyword", "query", "searchkeyword",
                     "searchstring", "q", "搜索词", "关键词", "搜索关键词"),
    "list_id": ("listid", "itemlistid", "listname", "pagetype"),
    "position": ("position", "rank", "itemposition", "pos", "listposition", "位置", "坑位"),
    "recommendation_id": ("recommendationid", "recid", "推荐id"),
    "campaign": ("campaign", "utmcampaign", "campaignid", "campaignname", "活动", "营销活动"),
    "consent": ("consent",),
    "properties": ("properties", "props", "eventproperties", "attributes", "extra"),
}  # fmt: skip

ITEM_FIELD_NAMES: dict[str, tuple[str, ...]] = {
    "item_id": (*EVENT_FIELD_NAMES["item_id"], "id", "code", "handle"),
    "name": EVENT_FIELD_NAMES["item_name"],
    "category": EVENT_FIELD_NAMES["item_category"],
    "brand": EVENT_FIELD_NAMES["item_brand"],
    "price": (*EVENT_FIELD_NAMES["price"], "listprice", "recommendedretailprice", "msrp", "rrp"),
    "created_at": (
        "createdat", "releasedate", "launchdate", "publishedat", "createtime", "onshelftime",
        "createddate", "addedat", "listedat", "dateadded", "publishdate", "startdate",
        "上架时间", "创建时间", "发布时间", "上架日期",
    ),
    "available": ("available", "isavailable", "instock", "availability", "isactive", "active",
                  "onsale", "enabled", "上架", "是否上架", "在售", "是否在售"),
    "text": ("detaildesc", "text", "longdescription", "body", "bodyhtml", "details", "features",
             "longdesc", "content", "summary", "description",
             "商品描述", "描述", "详情", "商品详情"),
}  # fmt: skip

# Words for what happened, beyond the product's own aliases.
_EVENT_WORDS: dict[str, tuple[str, ...]] = {
    "view_item": (
        "viewitem", "viewproduct", "productview", "viewcontent", "detail", "detailview",
        "productdetail", "itemview", "pageview", "browse", "visit", "viewed", "productpageview",
        "viewpage", "pageviews", "viewedproduct", "pv", "itemviewed", "ansicht", "ansehen",
        "angesehen", "aufruf", "seitenaufruf", "produktansicht", "vue", "consultation", "vista",
        "visualizacion", "viewscreen", "detailpage", "read", "look",
        "浏览", "查看", "浏览商品", "商品浏览", "查看商品",
        "商品详情页浏览", "浏览商品详情", "曝光点击",
    ),
    "view_item_list": ("viewitemlist", "viewcategory", "categoryview", "listview",
                       "productlistviewed", "viewlist", "viewedcollection", "浏览列表", "浏览类目"),
    "select_item": ("selectitem", "selectcontent", "productclicked", "clickitem", "itemclick",
                    "clickout", "productclick", "点击商品", "商品点击", "选择商品"),
    "search": ("suche", "recherche", "busqueda", "search", "productssearched", "searched",
               "viewsearchresults", "sitesearch",
               "searchproducts", "searchquery", "搜索", "检索", "搜索商品"),
    "add_to_wishlist": (
        "addtowishlist", "wishlist", "favorite", "favourite", "favorites", "like", "collect",
        "productaddedtowishlist", "addtofavorites", "addtofavourites", "save", "bookmark", "fav",
        "addfav", "addfavorite", "addwishlist", "liked", "wish", "wishlistadd", "wishlisted",
        "favorited", "favourited", "favoriteadd", "merkliste", "merken", "wunschliste", "favori",
        "favoris", "favorito", "listadeseos", "收藏",
        "加收藏", "关注", "收藏商品", "喜欢",
    ),
    "add_to_cart": (
        "addtocart", "cart", "basket", "addtobasket", "productadded", "cartadd", "addcart",
        "addtobag", "addproduct", "addedtocart", "addtocartclick", "cartaddition", "atc", "bag",
        "addedtobasket", "addedtobag", "warenkorb", "panier", "ajoutpanier", "ajoutaupanier",
        "carrito", "anadiralcarrito",
        "加购", "加入购物车", "加购物车", "添加购物车", "购物车", "加车",
    ),
    "remove_from_cart": (
        "removefromcart", "productremoved", "cartremove", "removecart", "removefrombasket",
        "deletefromcart", "removedfromcart", "cartremoval",
        "移出购物车", "删除购物车", "从购物车删除",
        "移除购物车",
    ),
    "view_cart": ("viewcart", "cartviewed", "cartview", "viewbasket", "查看购物车", "浏览购物车"),
    "begin_checkout": ("begincheckout", "checkoutstarted", "initiatecheckout", "checkout",
                       "startcheckout", "checkoutstart", "结算", "去结算", "提交订单", "开始结算"),
    "purchase": (
        "purchase", "buy", "order", "transaction", "ordercompleted", "purchased", "ordered",
        "checkoutcomplete", "payorder", "pay", "sale", "sold", "bought", "orderplaced", "paid",
        "placedorder", "completepurchase", "checkoutcompleted", "productpurchased", "payment",
        "kauf", "gekauft", "bestellung", "bestellt", "achat", "commande", "compra", "pedido",
        "orderpaid", "conversion", "productbuy", "itempurchased", "completedorder", "buyproduct",
        "购买", "支付", "下单", "付款", "成交", "支付订单", "支付成功",
        "付款成功", "订单支付", "交易",
    ),
    "refund": ("refund", "return", "cancel", "orderrefunded", "returned", "refunded", "cancelled",
               "canceled", "ordercancelled", "cancelorder", "retoure", "ruckgabe", "storno",
               "erstattung",
               "remboursement", "retour", "annulation", "devolucion", "reembolso", "退款", "退货",
               "取消", "取消订单",
               "退款退货", "退单"),
    "impression": ("impression", "exposure", "show", "adimpression", "display", "expose",
                   "曝光", "展示", "展现", "商品曝光"),
    "click": ("click", "clk", "adclick", "clicks", "clicked", "点击", "广告点击"),
}  # fmt: skip

_MARKS = re.compile(r"[\W_]+")
_EXACT, _SUFFIX = 10.0, 6.0
_MIN_SUFFIX = 4
# Too general to be trusted at the end of a longer name ("campaign_type", "store_name").
_NEVER_SUFFIX = frozenset({
    "type", "name", "day", "date", "time", "user", "item", "count", "total", "sales", "class",
    "event", "code", "title", "action", "value", "price", "device", "order", "member", "client",
    "query", "rank", "active", "content", "text", "amount", "money", "section", "family", "cookie",
    "brand", "barcode", "activity", "channel", "transaction", "session", "interaction", "article",
    "visit", "goods", "created",
})  # fmt: skip
_SAFE_SUFFIX = frozenset({"category", "subcategory", "timestamp", "datetime", "quantity"})


def normal_form(name: str) -> str:
    """Return a name without case, blanks, marks, accents, and a type after a colon.

    >>> normal_form("Customer ID"), normal_form("item_id:token"), normal_form("Qualité_Produit")
    ('customerid', 'itemid', 'qualiteproduit')
    """
    plain = "".join(c for c in normalize("NFKD", name.lower()) if not combining(c))
    return _MARKS.sub("", plain.split(":")[0]) or _MARKS.sub("", plain)


def is_standard_name(name: str, field: str) -> bool:
    """Return whether a column is called what the field is called, marks and case apart.

    >>> is_standard_name("userId", "user_id"), is_standard_name("user", "user_id")
    (True, False)
    """
    return normal_form(name) == normal_form(field)


def name_score(name: str, names: tuple[str, ...]) -> float:
    """Return how surely a column's name means the field with these names: 0, or up to 10."""
    forms = [normal_form(name)]
    if "." in name:
        forms.append(normal_form(name.rsplit(".", 1)[1]))
    for place, form in enumerate(forms):
        if form in names:
            # A nested name that fits as a whole is surer than its last part alone.
            return _EXACT - 3.0 * names.index(form) / len(names) - place * 0.5
    for known in names:
        is_trusted = known not in _NEVER_SUFFIX and len(known) >= _MIN_SUFFIX
        if (is_trusted or known in _SAFE_SUFFIX) and forms[0].endswith(known):
            return _SUFFIX - 3.0 * names.index(known) / len(names)
    return 0.0


# "Product Viewed" for "product_viewed".
_KNOWN_FORMS = {normal_form(kind): kind for kind in EVENT_TYPES} | {
    normal_form(alias): kind for alias, kind in EVENT_TYPE_ALIASES.items()
}


def event_type_of(word: str) -> str:
    """Return the event type that a word for an event means, or an empty text.

    >>> event_type_of("AddToCart"), event_type_of("加入购物车"), event_type_of("heartbeat")
    ('add_to_cart', 'add_to_cart', '')
    """
    plain = word.strip().lower()
    if plain in EVENT_TYPES:
        return plain
    if plain in EVENT_TYPE_ALIASES:
        return EVENT_TYPE_ALIASES[plain]
    form = normal_form(word)
    if form in _KNOWN_FORMS:
        return _KNOWN_FORMS[form]
    return next((kind for kind, words in _EVENT_WORDS.items() if form in words), "")
